// One question at a time. Places are kept in this browser until they are sent, so that closing the page loses nothing.
"use strict";

const here = location.pathname.replace(/\/$/, "");
const by = (id) => document.getElementById(id);
const letter = (video) => String.fromCharCode(65 + video);
let question = null; // as the server tells it
let places = []; // of every video its place from 0, or null
let began = 0;

const draft = () => `${here}/${question.number}`;

async function load() {
  const answer = await fetch(`${here}/question`);
  if (!answer.ok) return fail("The question could not be loaded. Reload the page.");
  question = await answer.json();
  const over = question.number === undefined;
  by("main").hidden = over;
  by("end").hidden = !over;
  if (over) return by("end").focus();
  by("progress").textContent = `Question ${question.done + 1} of ${question.of}`;
  by("bar").value = question.done / question.of;
  by("text").textContent = question.text;
  by("prompt").textContent = question.prompt;
  by("image").src = `${here}/image/${question.number}`;
  places = kept();
  began = Date.now();
  draw();
  by("main").focus();
  window.scrollTo(0, 0);
}

function kept() {
  const none = Array(question.videos).fill(null);
  try {
    const before = JSON.parse(localStorage.getItem(draft()));
    return Array.isArray(before) && before.length === question.videos ? before : none;
  } catch {
    return none;
  }
}

function draw() {
  by("videos").replaceChildren(...places.map((_, video) => card(video)));
  update();
}

function card(video) {
  const set = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = `Video ${letter(video)}`;
  const film = document.createElement("video");
  Object.assign(film, { src: `${here}/video/${question.number}/${video}`, muted: true, loop: true, autoplay: true, playsInline: true, controls: true });
  film.setAttribute("aria-label", `Video ${letter(video)}`);
  const ranks = document.createElement("div");
  ranks.className = "ranks";
  for (let place = 0; place < question.videos; place++) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: `place-${video}`, value: place });
    input.setAttribute("aria-label", `Video ${letter(video)}: place ${place + 1}`);
    input.addEventListener("change", () => put(video, place));
    const shown = document.createElement("span");
    shown.textContent = place + 1;
    label.append(input, shown);
    ranks.append(label);
  }
  set.append(legend, film, ranks);
  set.addEventListener("keydown", (event) => {
    const place = Number(event.key) - 1;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (Number.isInteger(place) && place >= 0 && place < question.videos) {
      event.preventDefault();
      put(video, place);
    }
  });
  return set;
}

// A place belongs to one video: the one that had it gets the place that the other leaves, or none.
function put(video, place) {
  const other = places.indexOf(place);
  if (other !== -1 && other !== video) places[other] = places[video];
  places[video] = place;
  try { localStorage.setItem(draft(), JSON.stringify(places)); } catch { /* private mode: only closing loses it */ }
  update();
}

function update() {
  for (const input of document.querySelectorAll(".ranks input")) {
    input.checked = places[Number(input.name.split("-")[1])] === Number(input.value);
  }
  by("places").replaceChildren(...places.map((_, place) => {
    const item = document.createElement("li");
    item.dataset.place = place;
    item.append(`${place + 1}.`);
    const video = places.indexOf(place);
    if (video !== -1) item.append(chip(video));
    return item;
  }));
  by("send").disabled = places.includes(null);
}

function chip(video) {
  const made = document.createElement("span");
  made.className = "chip";
  made.textContent = letter(video);
  const under = (event) => document.elementsFromPoint(event.clientX, event.clientY).find((each) => each.dataset.place !== undefined);
  made.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    made.setPointerCapture(event.pointerId);
    made.classList.add("moving");
  });
  made.addEventListener("pointermove", (event) => {
    if (!made.classList.contains("moving")) return;
    const over = under(event);
    for (const item of by("places").children) item.classList.toggle("over", item === over);
  });
  made.addEventListener("pointerup", (event) => {
    const over = under(event);
    made.classList.remove("moving");
    if (over) put(video, Number(over.dataset.place)); else update();
  });
  made.addEventListener("pointercancel", update);
  return made;
}

async function send() {
  by("send").disabled = true;
  fail("");
  const ranking = places.map((_, place) => places.indexOf(place));
  const body = JSON.stringify({ ranking, milliseconds: Date.now() - began });
  try {
    const answer = await fetch(`${here}/answers/${question.number}`, { method: "POST", body });
    if (!answer.ok) throw new Error(answer.status);
  } catch {
    by("send").disabled = false;
    return fail("The answer could not be sent and is kept here. Press Next again in a moment.");
  }
  try { localStorage.removeItem(draft()); } catch { /* nothing was kept */ }
  await load();
}

function fail(sentence) {
  by("problem").textContent = sentence;
}

by("send").addEventListener("click", send);
load();
