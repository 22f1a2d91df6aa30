// Joins the player with the chart of the call: a click in the chart or in the transcript plays from there, a line shows
// where it plays, and the chosen span is marked. Nothing here asks the server, so that it follows at once.
const CHART = ".st-key-call-chart .js-plotly-plot";
const PLAYER = ".st-key-call-player audio";
const SLIP = 4; // pixels that a click may slip before it is a selection

const player = () => document.querySelector(PLAYER);

function play(ms) {
  const audio = player();
  if (!audio) return false;
  const start = () => {
    audio.currentTime = ms / 1000;
    audio.play().catch(() => {}); // a browser may want a click first; it stands in the right place all the same
  };
  // Once it knows the recording, Streamlit puts its player to the beginning.
  if (audio.readyState >= HTMLMediaElement.HAVE_METADATA) start();
  else audio.addEventListener("loadedmetadata", () => setTimeout(start), { once: true });
  return true;
}

function mark(chart, name, style) {
  let line = chart.querySelector(`:scope > .${name}`);
  if (!line) {
    line = document.createElement("div");
    line.className = name;
    line.style.cssText = `position:absolute;pointer-events:none;z-index:5;${style}`;
    chart.append(line);
  }
  return line;
}

function place(line, layout, origin, start, end) {
  const axis = layout.xaxis;
  const left = Math.max(0, axis.l2p(origin + start));
  const right = Math.min(axis._length, axis.l2p(origin + end));
  line.hidden = right < left;
  line.style.left = `${axis._offset + left}px`;
  line.style.width = `${Math.max(2, right - left)}px`;
  line.style.top = `${layout._size.t}px`;
  line.style.height = `${layout._size.h}px`;
}

function draw({ origin, span }) {
  const chart = document.querySelector(CHART);
  const layout = chart?._fullLayout;
  if (!layout?.xaxis?._length) return;
  const chosen = mark(chart, "v2v-span", "background:#E69F0033;border:solid #E69F00;border-width:0 1px;box-sizing:border-box");
  if (span) place(chosen, layout, origin, span[0], span[1]);
  else chosen.hidden = true;
  const head = mark(chart, "v2v-playhead", "background:#D55E00");
  const audio = player();
  if (audio) place(head, layout, origin, audio.currentTime * 1000, audio.currentTime * 1000);
  else head.hidden = true;
}

export default function ({ data, setTriggerValue }) {
  // The number of the last jump outlives this function, which runs anew with each change of the page.
  const told = document.documentElement.dataset;
  if (data.jump && told.v2vJump !== String(data.jump.number)) {
    told.v2vJump = data.jump.number;
    play(data.jump.ms);
  }

  let down = null;
  const onDown = (event) => {
    const chart = event.target.closest?.(CHART);
    down = chart && event.target.closest(".draglayer") ? { chart, x: event.clientX, y: event.clientY } : null;
  };
  const onUp = (event) => {
    if (!down || Math.hypot(event.clientX - down.x, event.clientY - down.y) > SLIP) return;
    const axis = down.chart._fullLayout.xaxis;
    const ms = axis.p2l(down.x - down.chart.getBoundingClientRect().left - axis._offset) - data.origin;
    if (ms >= 0 && !play(ms)) setTriggerValue("picked", [ms, ms + 3000]);
  };
  const onChoice = (event) => {
    play(event.detail[0]);
    setTriggerValue("picked", event.detail);
  };
  document.addEventListener("pointerdown", onDown, true);
  document.addEventListener("pointerup", onUp, true);
  document.addEventListener("v2v-choice", onChoice);
  const ticking = setInterval(() => draw(data), 100);
  return () => {
    document.removeEventListener("pointerdown", onDown, true);
    document.removeEventListener("pointerup", onUp, true);
    document.removeEventListener("v2v-choice", onChoice);
    clearInterval(ticking);
  };
}
