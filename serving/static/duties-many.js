/* Several people at once: a selection with a bar of acts at the bottom of the screen, and families whom one phone answers for. */
(function () {
  "use strict";
  var a = window.arrivals, w = a.words, MOST = 300, PAGE = 200;
  // What needs a value of its own for every person is not done in one stroke.
  var ACTS = ["acknowledge", "accept", "register", "observe", "decline", "transfer", "withdraw", "release"];
  var bar = document.getElementById("bar"), all = document.getElementById("pick-all"), people = document.getElementById("people");
  var picked = {}, shownActs = "";

  function boxes() { return people.querySelectorAll("[data-pick]"); }

  function ids() { return Object.keys(picked); }

  function ofCard(card) {
    var acts = Array.prototype.map.call(card.querySelectorAll("[data-act]"), function (node) { return node.getAttribute("data-act"); });
    return { name: card.getAttribute("data-name"), version: Number(card.getAttribute("data-version")), acts: acts };
  }

  /* The selection follows the page: what is on it counts as it is there now, what left the list is no longer selected. */
  function follow(event) {
    var here = {};
    Array.prototype.forEach.call(boxes(), function (box) {
      var card = box.closest("[data-id]"), id = card.getAttribute("data-id");
      here[id] = true;
      if (event && event.target === box) { if (box.checked) { picked[id] = ofCard(card); } else { delete picked[id]; } }
      if (picked[id]) { picked[id] = ofCard(card); }
      box.checked = Boolean(picked[id]);
    });
    ids().forEach(function (id) { if (!here[id] && !picked[id].unseen) { delete picked[id]; } });
    draw();
  }

  function draw() {
    var count = ids().length, total = listed(), whole = document.getElementById("whole"), shown = boxes().length;
    bar.hidden = !count && bar.querySelector(".said").hidden;
    document.body.classList.toggle("barred", !bar.hidden);
    document.getElementById("picked").textContent = w["duties.picked"] + " " + count + " " + w.people;
    if (all) { all.checked = count > 0 && count >= shown; }
    whole.hidden = !(count && total > shown && count < Math.min(total, MOST));
    whole.textContent = w["duties.pick_whole"] + " " + Math.min(total, MOST) + " " + w.people;
    drawActs(count);
  }

  function listed() {
    var tab = document.querySelector(".tab[aria-current] b");
    return tab ? Number(tab.textContent) : 0;
  }

  function drawActs(count) {
    var place = document.getElementById("bar-acts"), drawn = ACTS.map(function (action) { return action + able(action).length; }).join();
    if (drawn === shownActs) { return; }
    shownActs = drawn;
    place.textContent = "";
    ACTS.forEach(function (action) {
      var many = able(action).length;
      if (many) { place.appendChild(a.button(w["act." + action] + (many < count ? " " + many : ""), function () { begin(action); })); }
    });
    if (count > 1 && able("register").length + able("temperature").length + able("observe").length) {
      place.appendChild(a.button(w["duties.family"], family));
    }
    if (place.firstChild) { place.firstChild.className = "first"; }
  }

  function able(action) { return ids().filter(function (id) { return picked[id].acts.indexOf(action) >= 0; }); }

  function begin(action) {
    if (!document.getElementById("form-" + action)) { go(able(action), action, { action: action }, ""); return; }
    a.open(bar, action, w["act." + action] + " " + able(action).length + " " + w.people, function (form) {
      var filled = a.values(form, action);
      go(able(action), action, filled.command, filled.words);
    });
  }

  function go(chosen, action, command, words) {
    run(chosen.map(function (id) {
      var own = JSON.parse(JSON.stringify(command));
      own.version = picked[id].version;
      return a.item(id, picked[id].name, w["act." + action] + (words ? " " + words : ""), own);
    }));
  }

  function run(items) {
    if (items.length) { a.act(items, bar, function () { picked = {}; a.showWaiting(); follow(); }); }
  }

  /* One of the selected answers for the others: they are registered with his phone. */
  function family() {
    var form = a.open(bar, "family", w["duties.family"], function (filled) {
      var head = filled.elements.head.value, others = ids().filter(function (id) { return id !== head; });
      var commands = others.map(function (id) { return command(id, { action: "register", proxy: head }); });
      if (picked[head].acts.indexOf("register") >= 0) { commands.push(command(head, { action: "register" })); }
      run(commands);
    });
    ids().forEach(function (id) { a.option(form.elements.head, id, picked[id].name + tail(id)); });
  }

  function tail(id) {
    var about = document.querySelector("#a-" + id + " .who span");
    return about ? " " + about.textContent : "";
  }

  function command(id, made) {
    made.version = picked[id].version;
    return a.item(id, picked[id].name, w["duties.family"], made);
  }

  /* The people of the list that are not on this page. */
  function whole(cursor) {
    var path = "/v1/units/" + document.body.getAttribute("data-unit") + "/arrivals?limit=" + PAGE;
    path += "&state=" + document.body.getAttribute("data-list") + (cursor ? "&cursor=" + cursor : "");
    a.ask("GET", path, null, function (status, answer) {
      if (status !== 200) { a.tell(bar, a.detail(answer)); return; }
      answer.arrivals.forEach(function (told) {
        var duty = answer.duties[told.event_id], here = document.getElementById("a-" + told.event_id);
        if (ids().length >= MOST && !picked[told.event_id]) { return; }
        picked[told.event_id] = { name: told.name_masked || "—", version: duty.version, acts: duty.actions, unseen: !here };
      });
      if (answer.next_cursor && ids().length < MOST) { whole(answer.next_cursor); } else { follow(); }
    }, function () { a.tell(bar, w["duties.failed"]); });
  }

  function none() {
    picked = {};
    bar.querySelector(".form").hidden = true;
    a.tell(bar, "");
    follow();
  }

  /* The temperatures of a household in one request; who was not measured is left out. */
  function reported(event) {
    var form = event.target.closest("form.family"), items = [];
    if (!form) { return; }
    event.preventDefault();
    Array.prototype.forEach.call(form.querySelectorAll("[data-member]"), function (member) {
      var degrees = member.querySelector('[name="temperature_c"]'), id = member.getAttribute("data-member");
      var card = document.getElementById("a-" + id), ill = degrees && member.querySelector('[name="symptoms"]').checked, made;
      if (!degrees || (!degrees.value && !ill)) { return; }
      if (!degrees.value || !degrees.checkValidity()) { degrees.focus(); degrees.reportValidity(); items = null; return; }
      if (!items) { return; }
      made = { action: "temperature", temperature_c: Number(degrees.value), measured_at: Date.now(), version: ofCard(card).version };
      if (ill) { made.symptoms = ["other"]; }
      items.push(a.item(id, ofCard(card).name, w["act.temperature"] + " " + degrees.value + " ℃", made));
    });
    if (items && !items.length) { a.tell(form, w["duties.family_empty"]); }
    if (items && items.length) { a.act(items, form, function () { form.reset(); }); }
  }

  a.followSelection = follow;
  people.addEventListener("change", function (event) { if (event.target.hasAttribute("data-pick")) { follow(event); } });
  people.addEventListener("submit", reported);
  document.getElementById("whole").addEventListener("click", function () { whole(""); });
  document.getElementById("unpick").addEventListener("click", none);
  bar.addEventListener("finished", function () { a.tell(bar, ""); draw(); });
  if (all) {
    all.addEventListener("change", function () {
      picked = {};
      if (all.checked) {
        Array.prototype.forEach.call(boxes(), function (box) { var card = box.closest("[data-id]"); picked[card.getAttribute("data-id")] = ofCard(card); });
      }
      follow();
    });
  }
})();
