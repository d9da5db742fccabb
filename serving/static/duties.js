/* The page of duties: acts at a tap, ten seconds to take them back, and a queue for when there is no network. */
(function () {
  "use strict";
  var store = document.getElementById("words"), w = JSON.parse(store.getAttribute("data-words"));
  var KEY = "arrivals.queue " + location.pathname, REFUSED = "arrivals.refused", UNDO_SECONDS = 10, sending = false;

  function queue(items) {
    if (items) { localStorage.setItem(KEY, JSON.stringify(items)); }
    return JSON.parse(localStorage.getItem(KEY) || "[]");
  }

  function showQueue() {
    var node = document.getElementById("queue"), waiting = queue().length;
    node.hidden = !waiting;
    node.querySelector("b").textContent = waiting;
  }

  function requestId() {
    var text = "", i, bytes = new Uint8Array(12);
    crypto.getRandomValues(bytes);
    for (i = 0; i < bytes.length; i += 1) { text += ("0" + bytes[i].toString(16)).slice(-2); }
    return text;
  }

  function post(path, body, done, failed) {
    var request = new XMLHttpRequest();
    request.open("POST", path);
    request.timeout = 15000;
    request.setRequestHeader("Content-Type", "application/json");
    request.onload = function () {
      var answer = {};
      try { answer = JSON.parse(request.responseText); } catch (e) { answer = {}; }
      if (request.status >= 500 || request.status === 429) { failed(); } else { done(request.status, answer); }
    };
    request.onerror = request.ontimeout = failed;
    request.send(JSON.stringify(body));
  }

  function say(card, text, more) {
    var said = card.querySelector(".said");
    said.textContent = text;
    said.hidden = false;
    if (more) { said.appendChild(more); }
  }

  function button(text, action) {
    var made = document.createElement("button");
    made.type = "button";
    made.className = "plain";
    made.textContent = text;
    made.addEventListener("click", action);
    return made;
  }

  function busy(card, on) {
    Array.prototype.forEach.call(card.querySelectorAll("button"), function (node) { node.disabled = on; });
  }

  function bump(name, by) {
    var node = document.querySelector('[data-count="' + name + '"]');
    if (node) { node.textContent = Math.max(0, Number(node.textContent) + by); }
  }

  function reload() { location.reload(); }

  function acted(card, body, status, answer) {
    busy(card, false);
    if (status === 409) { say(card, answer.detail_zh || w["duties.failed"], button(w["duties.reload"], reload)); return; }
    if (status >= 400) { say(card, answer.detail_zh || answer.title_zh || w["duties.failed"]); return; }
    card.setAttribute("data-version", answer.version);
    card.querySelector(".form").hidden = true;
    if (body.action === "undo") { reload(); return; }
    finished(card, body, answer);
  }

  function finished(card, body, answer) {
    var left = UNDO_SECONDS, acts = card.querySelector(".acts"), undo, timer;
    if (acts) { acts.hidden = true; }
    card.classList.add("done");
    undo = button(w["act.undo"] + " " + left, function () {
      clearInterval(timer);
      send(card, { action: "undo" });
    });
    var alerted = body.action === "temperature" && answer.health && !answer.health.seen_at;
    say(card, (alerted ? w["duties.alerted"] : w["done." + body.action]) + " ", answer.undo_until ? undo : button(w["duties.reload"], reload));
    if (!answer.undo_until) { return; }
    timer = setInterval(function () {
      left -= 1;
      undo.textContent = w["act.undo"] + " " + left;
      if (left <= 0) { clearInterval(timer); settle(card, answer); }
    }, 1000);
  }

  function settle(card, answer) {
    var shown = document.querySelector(".tab[aria-current] b");
    var name = shown.getAttribute("data-count");
    if (["pending", "acknowledged", "registered", "observing"].indexOf(name) >= 0 && answer.state !== name) {
      bump(name, -1);
      bump(answer.state, 1);
      card.parentNode.removeChild(card);
    } else {
      say(card, "", button(w["duties.reload"], reload));
    }
  }

  function send(card, body) {
    var id = card.getAttribute("data-id"), path = "/v1/arrivals/" + id + "/actions";
    body.version = Number(card.getAttribute("data-version"));
    body.request_id = requestId();
    busy(card, true);
    post(path, body, function (status, answer) { acted(card, body, status, answer); }, function () {
      var items = queue();
      items.push({ path: path, body: body });
      queue(items);
      showQueue();
      busy(card, false);
      card.classList.add("held");
      if (card.querySelector(".acts")) { card.querySelector(".acts").hidden = true; }
      say(card, w["duties.offline"]);
    });
  }

  function flush() {
    var items = queue();
    if (sending || !items.length) { return; }
    sending = true;
    post(items[0].path, items[0].body, function (status, answer) {
      // Without a session nothing is sent and nothing forgotten; what was refused for good is told after the page is loaded anew.
      if (status === 401) { sending = false; return; }
      if (status >= 400) { refused(answer.detail_zh || answer.title_zh || w["duties.failed"]); }
      queue(queue().slice(1));
      showQueue();
      sending = false;
      if (queue().length) { flush(); } else { reload(); }
    }, function () { sending = false; });
  }

  function refused(text) {
    var told = sessionStorage.getItem(REFUSED);
    sessionStorage.setItem(REFUSED, (told ? told + " · " : "") + text);
  }

  function tellRefused() {
    var banner = document.getElementById("banner"), told = sessionStorage.getItem(REFUSED);
    sessionStorage.removeItem(REFUSED);
    banner.hidden = !told;
    banner.textContent = told ? w["duties.refused"] + told : "";
  }

  function villages(form) {
    var township = form.elements.township.value, to = form.elements.to, request = new XMLHttpRequest();
    to.textContent = "";
    if (!township) { return; }
    request.open("GET", "/v1/areas/" + township + "/units");
    request.onload = function () {
      option(to, township, w["duties.whole_township"]);
      JSON.parse(request.responseText).units.forEach(function (one) { option(to, one.unit, one.name); });
    };
    request.send();
  }

  function option(select, value, text) {
    var made = document.createElement("option");
    made.value = value;
    made.textContent = text;
    select.appendChild(made);
  }

  function values(form, action) {
    var body = { action: action }, f = form.elements;
    ["reason", "note", "to"].forEach(function (name) { if (f[name] && f[name].value) { body[name] = f[name].value; } });
    if (f.temperature_c) {
      body.temperature_c = Number(f.temperature_c.value);
      body.measured_at = Date.now();
      if (f.symptoms.checked) { body.symptoms = ["other"]; }
    }
    if (f.days) { body.days = Number(f.days.value); }
    return body;
  }

  function ask(card, action) {
    var place = card.querySelector(".form"), form = document.getElementById("form-" + action).content.cloneNode(true).firstChild;
    place.textContent = "";
    place.appendChild(form);
    place.hidden = false;
    if (form.elements.township) { form.elements.township.addEventListener("change", function () { villages(form); }); }
    form.querySelector("[data-cancel]").addEventListener("click", function () { place.hidden = true; });
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      send(card, values(form, action));
    });
    form.elements[0].focus();
  }

  function reveal(card) {
    var place = card.querySelector(".phone"), path = "/v1/arrivals/" + card.getAttribute("data-id") + "/reveal";
    post(path, { reason: "call" }, function (status, answer) {
      if (status !== 200) { say(card, answer.detail_zh || w["duties.failed"]); return; }
      card.querySelector('[data-f="name"]').textContent = answer.name;
      place.textContent = answer.address ? answer.address + " " : "";
      if (answer.phone) {
        var link = document.createElement("a");
        link.href = "tel:" + answer.phone.replace(/[^+0-9]/g, "");
        link.className = "primary";
        link.textContent = w["duties.call"] + " " + answer.phone;
        place.appendChild(link);
      } else {
        place.appendChild(document.createTextNode(w["duties.no_phone"]));
      }
    }, function () { say(card, w["duties.failed"]); });
  }

  document.getElementById("people").addEventListener("click", function (event) {
    var node = event.target, card = node;
    while (card && !card.hasAttribute("data-id")) { card = card.parentElement; }
    if (!card) { return; }
    if (node.hasAttribute("data-reveal")) { reveal(card); return; }
    var action = node.getAttribute("data-act");
    if (!action) { return; }
    if (document.getElementById("form-" + action)) { ask(card, action); } else { send(card, { action: action }); }
  });
  window.addEventListener("online", flush);
  setInterval(flush, 15000);
  tellRefused();
  showQueue();
  flush();
})();
