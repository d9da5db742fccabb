/* A one-time code after the # is taken over into the form and sent; the address is cleaned so that it does not stay in the history. */
(function () {
  "use strict";
  var code = /^#code=([0-9A-Za-z-]{8,20})$/.exec(location.hash);
  if (!code) { return; }
  history.replaceState(null, "", location.pathname);
  var field = document.getElementById("code");
  field.value = code[1];
  field.form.submit();
})();
