// The transcript. What was said is only ever set as text, never as HTML.
function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function utterance(said) {
  const item = element("li");
  const button = element("button");
  button.type = "button";
  button.style.setProperty("--said", said.colour);
  const head = element("span", "head");
  head.append(element("span", "time", said.time), element("span", "who", said.who));
  if (said.sentiment) head.append(element("span", "sentiment", said.sentiment));
  if (said.voice) {
    const voice = element("span", "voice", said.voice);
    voice.style.setProperty("--heard", said.voice_colour);
    head.append(voice);
  }
  if (said.mark) {
    const mark = element("span", "mark", said.mark);
    mark.title = said.agreement;
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", said.agreement);
    head.append(mark);
  }
  button.append(head, element("span", "text", said.text));
  button.addEventListener("click", () =>
    document.dispatchEvent(new CustomEvent("v2v-choice", { detail: [said.start_ms, said.end_ms] })),
  );
  item.append(button);
  return item;
}

export default function ({ data, parentElement }) {
  const list = parentElement.querySelector("ol");
  if (list.dataset.version !== data.version) {
    list.dataset.version = data.version;
    list.replaceChildren(...data.utterances.map(utterance));
  }
  list.style.height = `${data.height}px`;

  const onTime = (event) => {
    if (!event.target.closest?.(".st-key-call-player")) return;
    const now = event.target.currentTime * 1000;
    let current = null;
    data.utterances.forEach((said, index) => {
      const item = list.children[index];
      const on = said.start_ms <= now && now < said.end_ms;
      item.classList.toggle("now", on);
      if (on) current = item;
    });
    if (!current) return;
    const above = current.offsetTop < list.scrollTop;
    const below = current.offsetTop + current.offsetHeight > list.scrollTop + list.clientHeight;
    if (above || below) list.scrollTop = current.offsetTop - list.clientHeight / 3;
  };
  // Neither event bubbles.
  document.addEventListener("timeupdate", onTime, true);
  return () => document.removeEventListener("timeupdate", onTime, true);
}
