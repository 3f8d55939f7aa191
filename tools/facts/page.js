"use strict";
// Filters the cards as one types. Without it all cards are shown, and they can be read and printed all the same.
(() => {
  const form = document.getElementById("filters");
  const main = document.getElementById("cards");
  const count = document.getElementById("count");

  // In small letters, without accents and with straight apostrophes, so that what is typed is found however it is written.
  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").replace(/[‘’]/g, "'").toLowerCase();

  // What a card says, without the labels that every card has.
  const wordsOf = (card) => {
    const texts = [];
    const isLabel = (node) => node.nodeType === Node.ELEMENT_NODE && node.matches(".label, .review");
    const choose = (node) => (isLabel(node) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
    const walker = document.createTreeWalker(card, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, choose);
    while (walker.nextNode()) texts.push(walker.currentNode.nodeValue ?? "");
    return plain(texts.join(" "));
  };

  const cards = [...main.querySelectorAll(".card")].map((element) => ({
    element,
    words: wordsOf(element),
    topic: [element.dataset.topic],
    subject: element.dataset.subject.split(" "),
    state: [element.dataset.state],
  }));
  const groups = [...main.querySelectorAll(".group")];
  const fields = ["topic", "subject", "state"];

  const chosen = () => {
    const selects = fields.map((field) => form.elements[field]).filter((select) => select.value);
    const typed = form.elements.words.value.trim();
    return [typed && `“${typed}”`, ...selects.map((select) => select.selectedOptions[0].label)].filter(Boolean).join(", ");
  };

  const filter = () => {
    const words = plain(form.elements.words.value).split(/\s+/);
    const wanted = (card) => words.every((word) => card.words.includes(word))
      && fields.every((field) => !form.elements[field].value || card[field].includes(form.elements[field].value));
    let shown = 0;
    for (const card of cards) {
      card.element.hidden = !wanted(card);
      shown += !card.element.hidden;
    }
    for (const group of groups) group.hidden = !group.querySelector(".card:not([hidden])");
    const narrowed = chosen();
    count.textContent = `${shown || "None"} of ${cards.length} cards${narrowed && `: ${narrowed}`}`;
    document.body.classList.toggle("reviewing", form.elements.boxes.checked);
  };

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    filter();
    if (main.getBoundingClientRect().top < 0) main.scrollIntoView();
  });
  // A form is emptied only after this event.
  form.addEventListener("reset", () => setTimeout(filter));
  // A link to a card that is filtered out shows all cards first.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    const target = link && document.getElementById(link.getAttribute("href").slice(1));
    if (!target || !target.closest("[hidden]")) return;
    for (const field of ["words", ...fields]) form.elements[field].value = "";
    filter();
  });
  // What a reviewer filled in is nowhere but on this page.
  main.addEventListener("input", () => { window.onbeforeunload = (event) => event.preventDefault(); }, { once: true });

  form.hidden = false;
  filter();
})();
