/* What the pages need without network: static files, and the last list of every page of duties that was opened in this browser. Lists hold
   masked people only, as the server sent them; nothing that was looked up is ever kept. When the session ends they are gone. */
"use strict";
var FILES = "arrivals files", LISTS = "arrivals lists", AWAY = "/offline", MOST_LISTS = 50;
// Lists asked for before the session ended must not be kept after it.
var session = 0;

self.addEventListener("install", function (event) {
  event.waitUntil(caches.open(FILES).then(function (cache) { return cache.add(AWAY); }).then(function () { return self.skipWaiting(); }));
});

self.addEventListener("activate", function (event) { event.waitUntil(self.clients.claim()); });

self.addEventListener("fetch", function (event) {
  var request = event.request, url = new URL(request.url);
  if (url.origin !== self.location.origin) { return; }
  if (/^\/(login|logout)(\/|$)/.test(url.pathname)) { event.respondWith(door(request)); }
  else if (request.method !== "GET") { return; }
  else if (url.pathname.indexOf("/static/") === 0) { event.respondWith(file(request, url)); }
  else if (/^\/units\/[^/]+\/duties$/.test(url.pathname)) { event.respondWith(list(event, request, url)); }
  else if (request.mode === "navigate") { event.respondWith(fetch(request).catch(function () { return elsewhere(url); })); }
});

function forget() {
  session += 1;
  return caches.delete(LISTS);
}

/* Whoever signs out, and whoever comes to sign in, finds nothing of the one before. */
function door(request) {
  var leaves = /\/logout$/.test(request.url);
  return (leaves ? forget() : Promise.resolve()).then(function () { return fetch(request); }).then(function (response) {
    return forget().then(function () { return response; });
  }, function () { return caches.match(AWAY); });
}

function file(request, url) {
  return caches.open(FILES).then(function (cache) {
    return cache.match(request).then(function (found) {
      return found || fetch(request).then(function (response) {
        if (!response.ok) { return response; }
        return older(cache, url).then(function () { return cache.put(request, response.clone()); }).then(function () { return response; });
      }, function () { return cache.match(request, { ignoreSearch: true }); });
    });
  });
}

/* A new release replaces its files. */
function older(cache, url) {
  return cache.keys().then(function (keys) {
    return Promise.all(keys.filter(function (key) { return new URL(key.url).pathname === url.pathname; }).map(function (key) {
      return cache.delete(key);
    }));
  });
}

function list(event, request, url) {
  var mine = session;
  return fetch(request).then(function (response) {
    var at = response.headers.get("Content-Location");
    if (response.type === "opaqueredirect" || response.redirected) { event.waitUntil(forget()); }
    else if (response.ok && at && mine === session) { event.waitUntil(keep(at, url, response.clone())); }
    else if (response.status === 404) { event.waitUntil(drop(url)); }
    return response;
  }, function (trouble) {
    if (request.mode !== "navigate") { throw trouble; }
    return kept(url).then(function (found) { return found || caches.match(AWAY); });
  });
}

function keep(at, url, response) {
  return caches.open(LISTS).then(function (cache) {
    var copies = [cache.put(at, response.clone())];
    if (!url.searchParams.get("state")) { copies.push(cache.put(url.pathname, response)); }
    return Promise.all(copies).then(function () { return cache.keys(); }).then(function (keys) {
      return Promise.all(keys.slice(0, Math.max(0, keys.length - MOST_LISTS)).map(function (key) { return cache.delete(key); }));
    });
  });
}

function drop(url) {
  return caches.open(LISTS).then(function (cache) { return cache.delete(url.pathname + url.search); });
}

/* A kept list says of itself that it is one. */
function kept(url) {
  var state = url.searchParams.get("state"), key = url.pathname + (state ? "?state=" + state : "");
  if (url.searchParams.get("cursor")) { return Promise.resolve(undefined); }
  return caches.open(LISTS).then(function (cache) { return cache.match(key); }).then(function (found) {
    return found && found.text().then(function (text) {
      return new Response(text.replace("<body ", '<body data-kept="" '), { headers: found.headers });
    });
  });
}

function elsewhere(url) {
  if (url.pathname !== "/") { return caches.match(AWAY); }
  return caches.open(LISTS).then(function (cache) { return cache.keys(); }).then(function (keys) {
    return keys.length ? Response.redirect(keys[keys.length - 1].url) : caches.match(AWAY);
  });
}
