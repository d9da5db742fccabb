/* Keeps the list as it is now: told by the unit's stream that something changed, the page fetches itself anew and takes over what
   differs. Without network it stays as it was and says as of when. */
(function () {
  "use strict";
  var a = window.arrivals, w = a.words, body = document.body, banner = document.getElementById("banner");
  var list = document.getElementById("people"), least = 2000, began = 0, running = false, wanted = false, timer = null;

  function asOf() {
    var text = w["duties.away"].replace("{at}", body.getAttribute("data-at"));
    banner.setAttribute("data-lost", text);
    return text;
  }

  function warn(text) { banner.textContent = text; banner.hidden = false; }

  function away() { warn(asOf()); document.getElementById("live").className = "live off"; }

  /* As often as something changes, but never faster than the server answers well. */
  function refresh() {
    var wait = began + least - Date.now();
    if (running || document.hidden) { wanted = true; return; }
    if (wait > 0) {
      if (!timer) { timer = setTimeout(function () { timer = null; refresh(); }, wait); }
      return;
    }
    running = true;
    wanted = false;
    began = Date.now();
    fetchAnew(function () {
      running = false;
      least = Math.max(2000, 5 * (Date.now() - began));
      if (wanted) { refresh(); }
    });
  }

  function fetchAnew(over) {
    var request = new XMLHttpRequest();
    request.open("GET", location.href);
    request.responseType = "document";
    request.timeout = 15000;
    request.onload = function () {
      var page = request.response;
      if (request.status === 200 && page && page.getElementById("people")) { take(page); }
      if (/\/login$/.test(request.responseURL)) { a.ended(); }
      over();
    };
    request.onerror = request.ontimeout = over;
    request.send();
  }

  function take(page) {
    body.setAttribute("data-at", page.body.getAttribute("data-at"));
    body.removeAttribute("data-kept");
    asOf();
    ["tabs", "pages"].forEach(function (id) { swap(document.getElementById(id), page.getElementById(id)); });
    ["none", "picking"].forEach(function (id) {
      var there = page.getElementById(id);
      if (there) { document.getElementById(id).hidden = there.hidden; }
    });
    merge(page.getElementById("people"));
    a.showWaiting();
    a.followSelection();
  }

  function swap(old, fresh) {
    if (!old.isEqualNode(fresh)) { old.parentNode.replaceChild(document.importNode(fresh, true), old); }
  }

  /* Takes over what is new, changed or gone; what somebody is working in stays until he is done. */
  function merge(fresh) {
    var place = list.firstElementChild, kept = {};
    Array.prototype.forEach.call(fresh.children, function (row) {
      var here = document.getElementById(row.id), node;
      kept[row.id] = true;
      while (place && !kept[place.id] && inUse(place) && place !== here) { place = place.nextElementSibling; }
      node = here && here.parentNode === list ? here : null;
      if (!node || (differs(node, row) && !inUse(node))) {
        node = document.importNode(row, true);
        if (here && here.parentNode === list) { carry(here, node); if (place === here) { place = here.nextElementSibling; } list.removeChild(here); }
        else { greet(node); }
      }
      if (node === place) { place = place.nextElementSibling; } else { list.insertBefore(node, place); }
    });
    Array.prototype.slice.call(list.children).forEach(function (row) {
      if (!kept[row.id] && !inUse(row)) { list.removeChild(row); }
    });
  }

  function differs(old, fresh) {
    return old.getAttribute("data-version") !== fresh.getAttribute("data-version") || old.classList.contains("stale") || Boolean(old.querySelector(".stale"));
  }

  function inUse(row) {
    var filled = Array.prototype.some.call(row.querySelectorAll(".family input"), function (field) {
      return field.type === "checkbox" ? field.checked : field.value;
    });
    return filled || row.classList.contains("done") || Boolean(row.querySelector(".done, .form:not([hidden])"));
  }

  /* A name that was looked up stays for as long as the page is open. */
  function carry(old, fresh) {
    var phone = old.querySelector("[data-revealed]"), details = fresh.querySelector("details");
    if (details && old.querySelector("details[open]")) { details.open = true; }
    if (!phone || !fresh.querySelector(".phone") || details) { return; }
    fresh.querySelector(".phone").parentNode.replaceChild(phone, fresh.querySelector(".phone"));
    a.text(fresh, "name", old.querySelector('[data-f="name"]').textContent);
  }

  function greet(node) {
    var mark = node.querySelector(".new"), badge = node.querySelector(".badge b"), why = node.querySelector(".why");
    if (!mark) { return; }
    mark.hidden = false;
    node.classList.add("fresh");
    a.say(w["duties.came"] + " " + badge.textContent + " " + (why ? why.textContent : ""));
  }

  /* The worker keeps what passes through it: what came before it was there is asked for once more. */
  function keep() {
    a.each('link[rel="stylesheet"], link[rel="icon"], script[src]', function (node) {
      var request = new XMLHttpRequest();
      request.open("GET", node.href && node.href.baseVal === undefined ? node.href : node.src);
      request.send();
    });
    refresh();
  }

  a.refresh = refresh;
  a.warn = warn;
  a.ended = function () { warn(banner.getAttribute("data-ended")); };
  function back() { a.flush(); refresh(); }

  asOf();
  if (body.hasAttribute("data-kept") || navigator.onLine === false) { away(); }
  window.addEventListener("offline", away);
  window.addEventListener("online", back);
  document.addEventListener("visibilitychange", function () { if (!document.hidden) { back(); } });
  setInterval(a.flush, 15000);
  setInterval(refresh, 60000);
  a.showWaiting();
  a.listen(body.getAttribute("data-live"), { duty: refresh }, back);
  if ("serviceWorker" in navigator) {
    if (!navigator.serviceWorker.controller) { navigator.serviceWorker.addEventListener("controllerchange", keep); }
    navigator.serviceWorker.register("/worker.js").catch(function () { /* Without it the page works, with network. */ });
  }
})();
