/* The command view: puts the sections that changed into their places. */
(function () {
  "use strict";
  var a = window.arrivals, RISKS = ["high", "medium", "unknown", "low"], TOP = 12, FLOOR = 188;
  var known = {};
  all("#alerts > li").forEach(function (li) { known[li.id] = true; });

  function all(selector, root) { return Array.prototype.slice.call((root || document).querySelectorAll(selector)); }

  function level(value, most) { return value <= 0 ? 0 : Math.min(5, 1 + Math.floor((5 * value - 1) / Math.max(most, 1))); }

  function counters(counts) {
    Object.keys(counts).forEach(function (name) {
      all('[data-count="' + name + '"]').forEach(function (n) { a.count(n, counts[name]); });
      all('[data-total="' + name + '"]').forEach(function (n) { n.textContent = a.number(counts[name]); });
    });
    document.getElementById("waiting").hidden = counts.arrivals > 0;
  }

  function counties(list) {
    var most = Math.max.apply(null, list.map(function (c) { return c.code.length === 6 ? c.arrivals : 0; }).concat([0]));
    list.forEach(function (county) {
      var step = level(county.arrivals, most);
      all('[data-area="' + county.code + '"],[data-label="' + county.code + '"]').forEach(function (n) { n.setAttribute("data-level", step); });
      all('[data-zone="' + county.code + '"]').forEach(function (n) { n.textContent = a.number(county.arrivals); });
      all('[data-label="' + county.code + '"] [data-c]').forEach(function (n) {
        var value = county[n.getAttribute("data-c")];
        n.textContent = value || n.getAttribute("data-c") === "arrivals" ? a.number(value) : "";
      });
      all('[data-county="' + county.code + '"] [data-c]').forEach(function (n) {
        var value = county[n.getAttribute("data-c")];
        a.count(n, value);
        n.classList.toggle("zero", !value);
      });
    });
  }

  function roundUp(value) {
    var unit = Math.pow(10, Math.max(0, String(value).length - 2));
    var steps = [10, 12, 16, 20, 24, 30, 40, 60, 80, 100];
    for (var i = 0; i < steps.length; i++) { if (value <= steps[i] * unit) { return steps[i] * unit; } }
    return value;
  }

  function hours(list) {
    var most = Math.max.apply(null, list.map(function (h) { return h.reduce(function (x, y) { return x + y; }, 0); }));
    var top = roundUp(most);
    all("#bars [data-tick]").forEach(function (n) { n.textContent = a.number(top * Number(n.getAttribute("data-tick"))); });
    list.forEach(function (parts, hour) {
      var group = document.querySelector('#bars [data-hour="' + hour + '"]'), y = FLOOR, total = 0;
      RISKS.forEach(function (risk, i) {
        var height = parts[i] * (FLOOR - TOP) / top, rect = group.querySelector("rect." + risk);
        y -= height;
        total += parts[i];
        rect.setAttribute("y", y.toFixed(1));
        rect.setAttribute("height", height.toFixed(1));
      });
      group.querySelector("title").textContent = hour + ":00 " + a.number(total);
    });
  }

  function alerts(list) {
    var box = document.getElementById("alerts"), template = document.getElementById("alert").content.firstElementChild;
    box.textContent = "";
    list.forEach(function (alert) {
      var li = template.cloneNode(true);
      li.id = "a-" + alert.event_id;
      a.text(li, "name", alert.name_masked);
      a.text(li, "decision", a.words["decision." + alert.decision] || alert.decision);
      a.text(li, "time", alert.occurred_at.slice(11, 19));
      a.text(li, "why", alert["reason_" + a.lang]);
      a.text(li, "site", alert.site_name);
      a.text(li, "unit", alert.unit_name);
      if (!known[li.id]) { li.classList.add("fresh"); known[li.id] = true; a.say(alert["reason_" + a.lang]); }
      box.appendChild(li);
    });
    document.getElementById("alerts-none").hidden = list.length > 0;
  }

  function leading(name, list) {
    var box = document.getElementById(name), template = document.getElementById("place").content.firstElementChild;
    var most = list.length ? list[0].arrivals : 1;
    box.textContent = "";
    list.forEach(function (place) {
      var li = template.cloneNode(true);
      a.text(li, "name", place.name || a.words.unplaced);
      a.text(li, "arrivals", a.number(place.arrivals));
      li.querySelector("rect").setAttribute("width", Math.round(100 * place.arrivals / most));
      box.appendChild(li);
    });
  }

  a.listen(document.body.getAttribute("data-live"), {
    overview: function (view) {
      if (view.day) {
        var day = document.getElementById("day");
        if (view.day.slice(0, 4) !== "1970") { day.textContent = view.day; day.setAttribute("datetime", view.day); }
      }
      if (view.counters) { counters(view.counters); }
      if (view.counties) { counties(view.counties); }
      if (view.hours) { hours(view.hours); }
      if (view.origins) { leading("origins", view.origins); }
      if (view.sites) { leading("sites", view.sites); }
      if (view.alerts) { alerts(view.alerts); }
    }
  });
})();
