"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
const STEPS = 80; // of the arrow keys, from the first frame to the last
let shown = data.cases, current = 0, videos = [], playing = false, share = 0, began = 0, seconds = 4;

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  if (className) element.className = className;
  return element;
}

function methodFigure(method, video) {
  const figure = make("figure", "", data.small ? "small" : "");
  if (video.src) {
    const player = make("video");
    player.muted = true;
    player.playsInline = true;
    player.preload = "auto";
    player.src = video.src;
    player.setAttribute("aria-label", method.title);
    figure.append(player);
    videos.push(player);
  } else {
    figure.append(make("div", video.failure || "no video", "none"));
  }
  const caption = make("figcaption");
  caption.append(make("b", method.title));
  if (video.verdict) caption.append(make("div", video.verdict, "verdict " + (video.passed === null ? "" : video.passed ? "pass" : "fail")));
  caption.append(make("div", video.about, "muted verdict"));
  figure.append(caption);
  return figure;
}

function show(number) {
  if (!shown.length) {
    at("methods").replaceChildren(make("p", "No case is of this kind."));
    at("count").textContent = "0 cases";
    return;
  }
  current = (number + shown.length) % shown.length;
  const one = shown[current];
  at("case").value = String(current);
  at("count").textContent = `${current + 1} of ${shown.length}`;
  at("image").hidden = !one.image;
  if (one.image) at("image").src = one.image;
  at("image").className = data.small ? "small" : "";
  at("prompt").textContent = one.prompt;
  at("about").textContent = one.about;
  at("story").replaceChildren(...one.story.map((part) => {
    const line = make("li", "", part.here ? "here" : "");
    line.append(make("span", part.frames), make("span", part.text));
    return line;
  }));
  videos = [];
  at("methods").replaceChildren(...data.methods.filter((method) => one.videos[method.name]).map((method) => methodFigure(method, one.videos[method.name])));
  seconds = one.seconds;
  seek(0);
  if (playing) start();
}

function seek(to) {
  share = Math.min(1, Math.max(0, to));
  at("place").value = String(Math.round(share * 1000));
  at("share").textContent = `${Math.round(share * 100)} %`;
  for (const video of videos) {
    const set = () => { video.currentTime = share * Math.max(0, video.duration - 0.001); };
    if (video.readyState >= 1) set(); else video.addEventListener("loadedmetadata", set, { once: true });
  }
}

function start() {
  playing = true;
  at("play").textContent = "Stop";
  at("play").setAttribute("aria-pressed", "true");
  began = performance.now() - share * seconds * 1000;
  for (const video of videos) run(video);
}

function run(video) {
  const go = () => {
    video.playbackRate = Math.min(16, Math.max(0.0625, video.duration / seconds));
    if (playing) video.play().catch(() => {});
  };
  if (video.readyState >= 1) go(); else video.addEventListener("loadedmetadata", go, { once: true });
}

function stop() {
  playing = false;
  at("play").textContent = "Play";
  at("play").setAttribute("aria-pressed", "false");
  for (const video of videos) video.pause();
}

function tick(now) {
  if (playing) {
    share = (now - began) / (seconds * 1000);
    if (share >= 1.15) { // the last frames stay for a moment
      began = now;
      seek(0);
      for (const video of videos) run(video);
    } else {
      const place = Math.min(1, share);
      at("place").value = String(Math.round(place * 1000));
      at("share").textContent = `${Math.round(place * 100)} %`;
      for (const video of videos) {
        if (video.duration && Math.abs(video.currentTime / video.duration - place) > 0.06) video.currentTime = place * video.duration;
      }
    }
  }
  requestAnimationFrame(tick);
}

function filters() {
  const kinds = [["all", "all cases", () => true]];
  if (data.judged) {
    for (const method of data.methods) {
      kinds.push([`pass ${method.name}`, `passed by ${method.title}`, (one) => one.videos[method.name]?.passed === true]);
      kinds.push([`fail ${method.name}`, `failed by ${method.title}`, (one) => one.videos[method.name]?.passed === false]);
    }
  }
  kinds.push(["none", "a video is missing", (one) => Object.values(one.videos).some((video) => !video.src)]);
  return kinds;
}

function choose() {
  const kind = filters().find((each) => each[0] === at("filter").value);
  shown = data.cases.filter(kind[2]);
  at("case").replaceChildren(...shown.map((one, number) => new Option(`${one.id}  ${one.prompt}`.slice(0, 60), String(number))));
  show(0);
}

at("filter").replaceChildren(...filters().map((kind) => new Option(kind[1], kind[0])));
at("filter").onchange = choose;
at("case").onchange = () => show(Number(at("case").value));
at("next").onclick = () => show(current + 1);
at("previous").onclick = () => show(current - 1);
at("play").onclick = () => (playing ? stop() : start());
at("back").onclick = () => { stop(); seek(share - 1 / STEPS); };
at("on").onclick = () => { stop(); seek(share + 1 / STEPS); };
at("place").oninput = () => { stop(); seek(Number(at("place").value) / 1000); };
document.onkeydown = (event) => {
  if (event.target.closest("select, input, button") && event.key !== "n" && event.key !== "p") return;
  const act = { " ": at("play").onclick, ArrowLeft: at("back").onclick, ArrowRight: at("on").onclick, n: at("next").onclick, p: at("previous").onclick }[event.key];
  if (act) { event.preventDefault(); act(); }
};
choose();
requestAnimationFrame(tick);
if (!calm) start();
