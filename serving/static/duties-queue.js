/* Sends acts, and keeps those that could not be sent, with the version they were made on, until the network is back.
   What was refused stays on the page beside the present state, so that nobody has to remember what he wanted. */
(function () {
  "use strict";
  var a = window.arrivals, w = a.words, READER = document.body.getAttribute("data-reader");
  var QUEUE = "arrivals.queue " + READER, REFUSED = "arrivals.refused " + READER, SENDING = "arrivals.sending " + READER;
  var TIMEOUT_MS = 15000, sure = false;

  function kept(key, items) {
    if (items) { localStorage.setItem(key, JSON.stringify(items)); }
    return JSON.parse(localStorage.getItem(key) || "[]");
  }

  function requestId() {
    var text = "", i, bytes = new Uint8Array(12);
    crypto.getRandomValues(bytes);
    for (i = 0; i < bytes.length; i += 1) { text += ("0" + bytes[i].toString(16)).slice(-2); }
    return text;
  }

  function clock() {
    // Beijing time whatever the phone's zone is.
    return new Date(Date.now() + 8 * 3600000).toISOString().slice(5, 16).replace("T", " ");
  }

  function ask(method, path, body, done, failed) {
    var request = new XMLHttpRequest();
    request.open(method, path);
    request.timeout = TIMEOUT_MS;
    request.setRequestHeader("Content-Type", "application/json");
    request.onload = function () {
      var answer = {};
      try { answer = JSON.parse(request.responseText); } catch (e) { answer = {}; }
      if (request.status >= 500 || request.status === 429) { failed(); } else { done(request.status, answer, request); }
    };
    request.onerror = request.ontimeout = failed;
    request.send(body ? JSON.stringify(body) : null);
  }

  function detail(answer) {
    return (a.lang === "en" ? answer.detail : answer.detail_zh || answer.title_zh) || answer.title || w["duties.failed"];
  }

  /* One request for all: every act is answered by itself. */
  function transmit(items, done, failed) {
    var acts = items.map(function (item) { return { event_id: item.event_id, command: item.command }; });
    ask("POST", "/v1/arrivals/actions", { items: acts }, function (status, answer) {
      if (status === 401) { a.ended(); failed(); return; }
      done(answer.results || items.map(function (item) {
        return { event_id: item.event_id, status: status, detail: answer.detail, detail_zh: detail(answer) };
      }));
    }, failed);
  }

  /* Items are {event_id, name, word, command}; `done` gets the results, `held` is called when there is no network. */
  function send(items, done, held) {
    items.forEach(function (item) {
      item.command.request_id = requestId();
      item.at = clock();
    });
    function hold() {
      try { kept(QUEUE, kept(QUEUE).concat([items])); } catch (e) { held(w["duties.full"]); return; }
      show();
      held("");
    }
    // What waits goes first: acts arrive in the order in which they were made.
    if (kept(QUEUE).length) { hold(); flush(); return; }
    transmit(items, done, hold);
  }

  function refuse(items, results) {
    var found = kept(REFUSED);
    results.forEach(function (result, number) {
      var item = items[number], now = result.present;
      if (result.status < 400) { return; }
      item.why = detail(result);
      item.present = now ? { version: now.version, state: now.state, unit: now.unit_name, actions: now.actions } : null;
      found.push(item);
    });
    kept(REFUSED, found);
  }

  /* Two pages of the same clerk must not send the same at once. */
  function mine() {
    var since = Number(localStorage.getItem(SENDING) || 0);
    if (Date.now() - since < 2 * TIMEOUT_MS) { return false; }
    localStorage.setItem(SENDING, String(Date.now()));
    return true;
  }

  function free() { localStorage.removeItem(SENDING); }

  function flush() {
    if (!kept(QUEUE).length || !mine()) { return; }
    ask("GET", "/session", null, function (status, _, request) {
      if (status === 401) { a.ended(); free(); return; }
      // Another credential signed in here meanwhile: these acts are not his.
      if (request.getResponseHeader("Arrivals-Reader") !== READER) { free(); return; }
      next();
    }, free);
  }

  function next() {
    var items = kept(QUEUE)[0];
    if (!items) { free(); show(); a.refresh(); return; }
    localStorage.setItem(SENDING, String(Date.now()));
    transmit(items, function (results) {
      refuse(items, results);
      without(QUEUE, items[0].command.request_id);
      next();
    }, free);
  }

  function without(key, request) {
    kept(key, kept(key).filter(function (one) { return (one[0] || one).command.request_id !== request; }));
  }

  function card(item) { return document.getElementById("a-" + item.event_id); }

  /* Puts what waits and what was refused onto the cards; what has no card here stands above the list. */
  function show() {
    var waiting = 0, node = document.getElementById("queue"), list = document.querySelector("#refused ul");
    each(".held", function (one) { one.classList.remove("held"); one.querySelector(".said").hidden = true; });
    each(".refusal", function (one) { one.parentNode.removeChild(one); });
    kept(QUEUE).forEach(function (items) {
      waiting += items.length;
      items.forEach(function (item) { if (card(item)) { held(card(item), item, items); } });
    });
    node.hidden = !waiting;
    node.querySelector("b").textContent = waiting;
    kept(REFUSED).forEach(function (item) {
      var line = document.createElement(card(item) ? "div" : "li");
      line.className = "refusal";
      told(line, item);
      (card(item) || list).appendChild(line);
    });
    document.getElementById("refused").hidden = !list.children.length;
  }

  function held(place, item, items) {
    place.classList.add("held");
    a.tell(place, w["duties.unsent"] + "：" + item.word + "（" + item.at + "）", a.button(w["duties.drop"], function () {
      without(QUEUE, items[0].command.request_id);
      show();
    }));
  }

  function told(line, item) {
    var text = item.name + " · " + w["duties.wanted"] + "：" + item.word + "（" + item.at + "）· " + item.why, now = item.present;
    var said = document.createElement("p");
    if (now) { text += " · " + w["duties.now"] + "：" + w["state." + now.state] + "（" + now.unit + "）"; }
    said.textContent = text;
    line.appendChild(said);
    function forget() { without(REFUSED, item.command.request_id); show(); }
    if (now && now.actions.indexOf(item.command.action) >= 0) {
      line.appendChild(a.button(w["duties.again"], function () {
        forget();
        item.command.version = now.version;
        a.act([item], card(item));
      }));
    }
    line.appendChild(a.button(w["duties.known"], forget));
  }

  function each(selector, action) { Array.prototype.forEach.call(document.querySelectorAll(selector), action); }

  /* Signing out leaves nothing on the phone; what was not sent is lost then, and said before. */
  function leaving(event) {
    var waiting = kept(QUEUE).reduce(function (sum, items) { return sum + items.length; }, 0);
    if (waiting && !sure) {
      event.preventDefault();
      sure = true;
      a.warn(waiting + " " + w["duties.leave"]);
      return;
    }
    [QUEUE, REFUSED, SENDING].forEach(function (key) { localStorage.removeItem(key); });
  }

  a.ask = ask;
  a.send = send;
  a.detail = detail;
  a.each = each;
  a.flush = flush;
  a.showWaiting = show;
  a.refuse = refuse;
  document.querySelector('form[action="/logout"]').addEventListener("submit", leaving);
})();
