/* Keeps one event stream open and tells the reader when it is not. Text only ever enters the page as text. */
(function () {
  "use strict";
  var banner = document.getElementById("banner");
  var light = document.getElementById("live");
  var at = document.getElementById("at");
  var SILENCE_MS = 45000;

  function show(kind) {
    light.className = kind ? "live off" : "live";
    banner.hidden = !kind;
    if (kind) { banner.textContent = banner.getAttribute("data-" + kind); }
  }

  function clock() {
    // Beijing time whatever the phone's zone is.
    var now = new Date(Date.now() + 8 * 3600000);
    return now.toISOString().slice(11, 19);
  }

  function listen(url, handlers, opened) {
    var source, lastId = "", heard = Date.now(), late = null;
    function alive() {
      heard = Date.now();
      if (late) { clearTimeout(late); late = null; }
      show("");
    }
    function open() {
      var more = lastId ? (url.indexOf("?") < 0 ? "?" : "&") + "after=" + encodeURIComponent(lastId) : "";
      source = new EventSource(lastId ? url.replace(/[?&]after=[^&]*/, "") + more : url);
      source.onopen = function () {
        alive();
        if (opened) { opened(); }
      };
      source.onerror = function () {
        if (source.readyState === 2) { check(); } else if (!late) { late = setTimeout(function () { show("lost"); }, 3000); }
      };
      source.addEventListener("ping", function (event) { lastId = event.lastEventId || lastId; alive(); });
      source.addEventListener("farewell", function () { alive(); });
      Object.keys(handlers).forEach(function (name) {
        source.addEventListener(name, function (event) {
          lastId = event.lastEventId || lastId;
          alive();
          at.textContent = clock();
          handlers[name](JSON.parse(event.data));
        });
      });
    }
    function check() {
      // The stream was refused: is the session over, or the server away?
      var request = new XMLHttpRequest();
      request.open("GET", "/session");
      request.onload = function () {
        if (request.status === 401) { show("ended"); } else { again(); }
      };
      request.onerror = again;
      request.send();
    }
    function again() {
      show("lost");
      setTimeout(open, 2000 + Math.random() * 4000);
    }
    setInterval(function () {
      if (Date.now() - heard > SILENCE_MS && source.readyState === 1) { source.close(); heard = Date.now(); again(); }
    }, 5000);
    open();
  }

  function number(value) {
    return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
  }

  function text(root, field, value) {
    var node = root.querySelector('[data-f="' + field + '"]');
    if (node) { node.textContent = value; }
  }

  function count(node, value) {
    var shown = number(value);
    if (node && node.textContent !== shown) {
      node.textContent = shown;
      node.classList.remove("changed");
      void node.offsetWidth;
      node.classList.add("changed");
    }
  }

  var store = document.getElementById("words");
  window.arrivals = {
    listen: listen, number: number, text: text, count: count,
    words: JSON.parse(store.getAttribute("data-words")), lang: store.getAttribute("data-lang"),
    say: function (words) { document.getElementById("say").textContent = words; }
  };
})();
