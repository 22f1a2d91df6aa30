// Sentences and how they read. A sentence is only ever set as text, never as HTML.
export default function ({ data, parentElement }) {
  const items = data.sentences.map((sentence) => {
    const item = document.createElement("li");
    const box = document.createElement("div");
    box.className = "said";
    box.style.setProperty("--said", sentence.colour);
    for (const name of ["head", "text"]) {
      const part = document.createElement("span");
      part.className = name;
      part.textContent = sentence[name];
      box.append(part);
    }
    item.append(box);
    return item;
  });
  parentElement.querySelector("ol").replaceChildren(...items);
}
