/* A unit's page: a new arrival comes to the top of the list, a changed one replaces its row. */
(function () {
  "use strict";
  var a = window.arrivals, w = a.words, KEPT = 200, TIED = "\u00a0", waiting = 0;
  var list = document.getElementById("people"), first = list.getAttribute("data-first") === "1";
  var day = document.getElementById("day");
  var seen = {}, came = 0, tasks = 0, unit = location.pathname.split("/")[2];
  Array.prototype.forEach.call(list.children, function (li) { seen[li.id] = { risk: "", counted: true }; });

  function about(p) {
    var parts = [];
    if (p.birth_year) { parts.push((a.lang === "en" ? w.born + TIED : "") + p.birth_year + w.born_suffix); }
    if (p.document_last4) { parts.push(w.document_tail + TIED + p.document_last4); }
    if (p.phone_last4) { parts.push(w.phone_tail + TIED + p.phone_last4); }
    return parts.join(" · ");
  }

  function how(p) {
    var parts = [p.site_name];
    if (p.train) {
      parts.push(p.train + w.train_suffix + (p.coach ? " " + p.coach + w.coach_suffix : "") + (p.seat ? " " + p.seat : ""));
    } else if (p.plate_region) {
      parts.push(w.plate + " " + p.plate_region);
    }
    parts.push(p.temperature_c === null ? w.temperature_missing : w.temperature + TIED + p.temperature_c.toFixed(1) + TIED + "℃");
    parts.push(w["lodging." + p.lodging]);
    return parts.join(" · ");
  }

  function fill(li, p) {
    var badge = li.querySelector(".badge"), shape = document.getElementById("shape-" + p.risk).content.cloneNode(true);
    li.className = "card person " + p.risk;
    li.id = "a-" + p.event_id;
    li.setAttribute("data-revision", p.revision);
    badge.className = "badge " + p.risk;
    badge.replaceChild(shape, badge.querySelector("svg"));
    badge.querySelector("b").textContent = w["risk." + p.risk];
    a.text(li, "decision", w["decision." + p.decision]);
    li.querySelector(".does").href = "/arrivals/" + p.event_id;
    a.text(li, "time", p.occurred_at.slice(5, 16).replace("T", " "));
    a.text(li, "name", p.name_masked);
    a.text(li, "about", about(p));
    a.text(li, "why", p["reason_" + a.lang]);
    a.text(li, "origin", p.origin_name || w.origin_unknown);
    a.text(li, "unit", p.unit_name);
    a.text(li, "how", how(p));
  }

  function bump(name) {
    var node = document.querySelector('[data-count="' + name + '"]');
    a.count(node, Number(node.textContent.replace(/,/g, "")) + 1);
  }

  function add(p) {
    var old = document.getElementById("a-" + p.event_id), li;
    if (old) {
      if (Number(old.getAttribute("data-revision")) < p.revision) { fill(old, p); }
      return;
    }
    if (seen["a-" + p.event_id]) { return; }
    seen["a-" + p.event_id] = true;
    if (day.textContent === "—") { day.textContent = p.arrived_on; }
    if (p.arrived_on === day.textContent) {
      bump("arrivals");
      if (p.risk === "high") { bump("high"); }
      if (p.rules.indexOf("fever") >= 0) { bump("fever"); }
    }
    if (!first) {
      waiting += 1;
      document.getElementById("fresh").hidden = false;
      document.querySelector("#fresh b").textContent = waiting;
      return;
    }
    li = document.getElementById("person").content.firstElementChild.cloneNode(true);
    fill(li, p);
    li.querySelector(".new").hidden = false;
    li.classList.add("fresh");
    list.insertBefore(li, list.firstChild);
    if (list.children.length > KEPT) { list.removeChild(list.lastChild); }
    document.getElementById("waiting").hidden = true;
    a.say(w["risk." + p.risk] + " " + p["reason_" + a.lang]);
  }

  function mine(code) {
    return code === unit || (/^[0-9]{6,}$/.test(unit) && code.indexOf(unit) === 0);
  }

  function show(id, count, text) {
    document.getElementById(id).hidden = false;
    document.querySelector("#" + id + " b").textContent = count;
    a.say(text);
  }

  function task() {
    tasks += 1;
    show("tasks", tasks, w.moved_task);
  }

  /* An arrival changed hands. What came stands in the lists of the desk; what left stays here and says where it is. */
  function moved(m) {
    var card = document.getElementById("a-" + m.event_id), said;
    if (mine(m.unit) && !mine(m.unit_before)) {
      came += 1;
      show("moved", came, w.moved_in);
    }
    if (card) {
      said = card.querySelector(".moved") || card.appendChild(document.createElement("p"));
      said.className = "how moved";
      said.textContent = w.moved_to + " " + m.unit_name;
    }
  }

  a.listen(document.body.getAttribute("data-live"), {
    arrival: add,
    moved: moved,
    task: task,
    start: function () {},
    reset: function () {
      // Too far behind: the list itself is needed. Not more often than every ten seconds.
      var last = Number(sessionStorage.getItem("reset") || 0);
      setTimeout(function () {
        sessionStorage.setItem("reset", String(Date.now()));
        location.reload();
      }, Math.max(0, 10000 - (Date.now() - last)));
    }
  });
})();
