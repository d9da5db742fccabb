/* The cards of duties: acts at a tap, ten seconds to take them back, forms, and who the person is. */
(function () {
  "use strict";
  var a = window.arrivals, w = a.words, UNDO_SECONDS = 10;

  function button(text, action) {
    var made = document.createElement("button");
    made.type = "button";
    made.className = "plain";
    made.textContent = text;
    made.addEventListener("click", action);
    return made;
  }

  function tell(place, text, more) {
    var said = place.querySelector(".said");
    said.textContent = text;
    said.hidden = !text && !more;
    if (more) { said.appendChild(more); }
  }

  function busy(place, on) {
    Array.prototype.forEach.call(place.querySelectorAll("button"), function (node) { node.disabled = on; });
  }

  /* An act on one person from his card, or on several from `place`. The versions are those on the page. */
  function act(items, place, after) {
    place = place || document.getElementById("bar");
    busy(place, true);
    a.send(items, function (results) {
      var fine = results.filter(function (result) { return result.status < 400; });
      busy(place, false);
      close(place);
      if (fine.length < results.length) { a.refuse(items, results); a.showWaiting(); }
      fine.forEach(done);
      if (after) { after(results); }
      if (fine.length && items[0].command.action !== "undo") { settled(place, items, results, fine); } else { finish(place, fine); }
    }, function (trouble) {
      busy(place, false);
      close(place);
      if (trouble) { tell(place, trouble); }
      if (after) { after([]); }
    });
  }

  function close(place) {
    var form = place.querySelector(".form");
    if (form) { form.hidden = true; form.textContent = ""; }
  }

  function done(result) {
    var card = document.getElementById("a-" + result.event_id);
    if (card) {
      card.setAttribute("data-version", result.duty.version);
      card.classList.add("done");
    }
  }

  /* Says what was done and offers for ten seconds to take it back; then the list is fetched anew. */
  function settled(place, items, results, fine) {
    var left = UNDO_SECONDS, undo, timer, text = w["done." + items[0].command.action], missed = results.length - fine.length;
    var alerted = fine.some(function (result) { return result.duty.health && !result.duty.health.seen_at; });
    if (items[0].command.action === "temperature" && alerted) { text = w["duties.alerted"]; }
    if (items.length > 1) { text += " · " + w["duties.many_done"] + " " + fine.length; }
    if (missed) { text += " · " + w["duties.many_refused"] + " " + missed; }
    var back = fine.filter(function (result) { return result.duty.undo_until; });
    if (!back.length) { tell(place, text); finish(place, fine); return; }
    undo = button(w["act.undo"] + " " + left, function () {
      clearInterval(timer);
      act(back.map(function (result) {
        return item(result.event_id, name(result.event_id), w["act.undo"], { action: "undo", version: result.duty.version });
      }), place);
    });
    tell(place, text + " ", undo);
    timer = setInterval(function () {
      left -= 1;
      undo.textContent = w["act.undo"] + " " + left;
      if (left <= 0) { clearInterval(timer); tell(place, ""); finish(place, fine); }
    }, 1000);
  }

  /* The cards may follow the server again. */
  function finish(place, fine) {
    fine.forEach(function (result) {
      var card = document.getElementById("a-" + result.event_id);
      if (card) { card.classList.remove("done"); card.classList.add("stale"); }
    });
    if (place.id === "bar") { place.dispatchEvent(new CustomEvent("finished")); }
    a.refresh();
  }

  function item(id, who, word, command) { return { event_id: id, name: who, word: word, command: command }; }

  function name(id) {
    var card = document.getElementById("a-" + id);
    return card ? card.getAttribute("data-name") : "";
  }

  function villages(form) {
    var township = form.elements.township.value, to = form.elements.to, place = form.parentNode.parentNode;
    to.textContent = "";
    if (!township) { return; }
    a.ask("GET", "/v1/areas/" + township + "/units", null, function (status, answer) {
      if (status !== 200) { tell(place, a.detail(answer)); return; }
      option(to, township, w["duties.whole_township"]);
      answer.units.forEach(function (one) { option(to, one.unit, one.name); });
    }, function () { tell(place, w["duties.failed"]); });
  }

  function option(select, value, text) {
    var made = document.createElement("option");
    made.value = value;
    made.textContent = text;
    select.appendChild(made);
  }

  /* The command in a form, and in words what was chosen. */
  function values(form, action) {
    var body = { action: action }, f = form.elements, words = [];
    ["reason", "note", "to"].forEach(function (field) { if (f[field] && f[field].value) { body[field] = f[field].value; } });
    ["reason", "to"].forEach(function (field) { if (body[field]) { words.push(f[field].options[f[field].selectedIndex].textContent); } });
    if (f.temperature_c) {
      body.temperature_c = Number(f.temperature_c.value);
      body.measured_at = Date.now();
      words.push(f.temperature_c.value + " ℃");
      if (f.symptoms.checked) { body.symptoms = ["other"]; words.push(w["duties.symptoms"]); }
    }
    if (f.days) { body.days = Number(f.days.value); words.push(f.days.value); }
    return { command: body, words: words.join(" ") };
  }

  /* Opens the form of an act in a place, with the act on its button; `ready` gets the filled form. */
  function open(place, action, word, ready) {
    var form = document.getElementById("form-" + action).content.cloneNode(true).firstChild, where = place.querySelector(".form");
    where.textContent = "";
    where.appendChild(form);
    where.hidden = false;
    form.querySelector('[type="submit"]').textContent = word;
    if (form.elements.township) { form.elements.township.addEventListener("change", function () { villages(form); }); }
    form.querySelector("[data-cancel]").addEventListener("click", function () { close(place); });
    form.addEventListener("submit", function (event) {
      event.preventDefault();
      ready(form);
    });
    form.elements[0].focus();
    return form;
  }

  function one(card, command, word) {
    command.version = Number(card.getAttribute("data-version"));
    act([item(card.getAttribute("data-id"), card.getAttribute("data-name"), word, command)], card);
  }

  function reveal(card) {
    a.ask("POST", "/v1/arrivals/" + card.getAttribute("data-id") + "/reveal", { reason: "call" }, function (status, answer) {
      if (status !== 200) { tell(card, a.detail(answer)); return; }
      card.querySelector('[data-f="name"]').textContent = answer.name;
      reached(card.querySelector(".phone"), answer);
    }, function () { tell(card, w["duties.failed"]); });
  }

  function reached(place, answer) {
    var link = document.createElement("a");
    place.setAttribute("data-revealed", "");
    place.textContent = answer.address ? answer.address + " " : "";
    if (!answer.phone) { place.appendChild(document.createTextNode(w["duties.no_phone"])); return; }
    link.href = "tel:" + answer.phone.replace(/[^+0-9]/g, "");
    link.className = "primary";
    link.textContent = w["duties.call"] + " " + answer.phone;
    place.appendChild(link);
  }

  function tapped(event) {
    var node = event.target, card = node.closest("[data-id]"), action = node.getAttribute("data-act");
    if (!card) { return; }
    if (node.hasAttribute("data-reveal")) { reveal(card); return; }
    if (!action) { return; }
    if (!document.getElementById("form-" + action)) { one(card, { action: action }, node.textContent); return; }
    open(card, action, node.textContent, function (form) {
      var filled = values(form, action);
      one(card, filled.command, node.textContent + " " + filled.words);
    });
  }

  a.button = button;
  a.tell = tell;
  a.act = act;
  a.item = item;
  a.nameOf = name;
  a.option = option;
  a.values = values;
  a.open = open;
  document.getElementById("people").addEventListener("click", tapped);
})();
