// @ts-check
/**
 * The chat widget: <script src="https://assistant.example/widget/widget.js" defer></script><dystonia-chat></dystonia-chat>
 *
 * One file, no framework, no build step, no call to any site but the assistant's. Text becomes a page only as text
 * (textContent), so it works under a strict content security policy with Trusted Types. docs/channels.md explains its use.
 *
 * @typedef {{title: string, payload: string}} Choice
 * @typedef {{id: string, title: string, publisher: string, url: string | null, date: string | null}} Source
 * @typedef {string | {text: string, href: string}} Piece
 * @typedef {{list: boolean, lines: Piece[][]}} Block
 * @typedef {{id: string, text: string, blocks: Block[], buttons: Choice[], reply: {kind: string, sources: Source[]}, forgotten?: boolean}} Answer
 * @typedef {{id: string, said: string, answer: Answer}} Turn
 * @typedef {{token: string, starters: Choice[], open?: boolean}} Session
 * @typedef {{scale: number, numbers: boolean, aloud: boolean, dictate: boolean}} Wishes
 */
"use strict";
(() => {
  const HOME = document.currentScript instanceof HTMLScriptElement ? document.currentScript.src : location.href;
  const SIZES = [100, 125, 150, 200];
  const PATIENCE = 25000;
  const LONGEST = 1000;
  const LONGEST_REASON = 300;

  /** Every word that the widget itself says, by name. Translations have the same names: widget/strings/. */
  const ENGLISH = {
    dir: "ltr",
    launcher: "Ask about dystonia",
    title: "Questions about dystonia",
    note: "General information, not medical advice. In an emergency, call your emergency number.",
    close: "Close",
    options: "Options",
    talk: "Conversation",
    welcome:
      "Hello. Ask about dystonia in your own words; misspelt is fine. I am a computer program, and what you write is kept until you delete it (see Options).",
    you: "You said:",
    answer: "Answer:",
    emergency: "Get help now",
    crisis: "Talk to someone now",
    suggested: "Suggested questions",
    pressNumber: "Keys 1 to {n} choose one.",
    box: "Your question",
    send: "Send",
    shorter: "Shorter",
    more: "More",
    sources: "Sources ({n})",
    newTab: "opens in a new tab",
    call: "Call",
    text: "Send a text message to",
    helped: "Did this help?",
    yes: "Yes",
    no: "No",
    reason: "What was missing or wrong? (optional, please no names)",
    sendReason: "Send the reason",
    skip: "Skip",
    thanks: "Thank you. That helps to make the answers better.",
    looking: "Looking it up.",
    slow: "Still looking. It takes longer than usual.",
    offline: "You seem to be offline. Your words are still in the box; press Send again when you are back online.",
    online: "You are online again.",
    failed: "No answer came. Your words are still in the box; press Send to try again.",
    unreached: "The assistant can't be reached just now. Please try again.",
    unread: "That can't be read here. Please write it in other words.",
    tooMany: "That was many messages in a short time. Please wait a minute, then try again.",
    notHere: "This site is not on the assistant's list of sites, so it can't answer here.",
    expired: "The last conversation had ended, so a new one was started.",
    empty: "Write a question first, or choose a suggested one.",
    size: "Text size",
    smaller: "Smaller text",
    larger: "Larger text",
    numbers: "Number keys choose suggested questions",
    aloud: "Show a button that reads answers aloud",
    dictate: "Show a button for dictating",
    speechNote: "Your browser does this. Some browsers send what is spoken to their maker to do it.",
    absent: "This browser can't do it.",
    read: "Read aloud",
    stop: "Stop reading",
    speak: "Dictate",
    listening: "Listening. Press Dictate again to stop.",
    notHeard: "Nothing could be heard. Check that the browser may use the microphone, or type instead.",
    print: "Print",
    save: "Save as a file",
    file: "dystonia-questions.txt",
    forget: "Forget this conversation",
    forgetSure: "Delete everything that was said here? It can't be undone.",
    forgetYes: "Yes, delete it",
    forgetNo: "Keep it",
    forgotten: "Deleted on {when}: {n} stored entries. Nothing of this conversation is kept.",
    forgetFailed: "It could not be deleted just now. Please try again.",
  };

  const DARK = `{--_surface:#16201f;--_soft:#22302f;--_text:#edf3f2;--_line:#8fa5a2;--_link:#9fcbff;
 --_urgent:#ffd9d4;--_urgent-on:#3a0d0d;--_calm:#cfe4ff;--_calm-on:#0c2238;color-scheme:dark}`;
  const STYLE = `
:host{--_accent:var(--dystonia-accent,#0b5563);--_on:var(--_on-accent,#fff);--_radius:var(--dystonia-radius,.75em);
 --_surface:#fff;--_soft:#eef4f4;--_text:#16211f;--_line:#5f7371;--_link:#0a4c8b;
 --_urgent:#7d1d1d;--_urgent-on:#fff;--_calm:#1d4468;--_calm-on:#fff;color-scheme:light;
 font:calc(max(1rem,16px)*var(--_scale,1))/1.5 var(--dystonia-font,system-ui,sans-serif);color:var(--_text);
 text-align:start;text-transform:none;letter-spacing:normal;white-space:normal}
@media screen and (prefers-color-scheme:dark){:host(:not([theme=light]))${DARK}}@media screen{:host([theme=dark])${DARK}}
*{box-sizing:border-box}[hidden]{display:none!important}
.vh{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
button,textarea,summary,input,.call{font:inherit;color:inherit}
button{min-width:44px;min-height:44px;padding:.4em .8em;border:1px solid var(--_line);border-radius:var(--_radius);
 background:var(--_surface);cursor:pointer;text-align:start;overflow-wrap:anywhere}
button:hover{background:var(--_soft)}
button[aria-disabled=true]{opacity:.75;cursor:default}
.accent,.accent:hover{background:var(--_accent);color:var(--_on);border-color:var(--_text)}
:focus-visible{outline:3px solid var(--_text);outline-offset:2px;box-shadow:0 0 0 2px var(--_surface)}
.launcher{position:fixed;inset-block-end:1em;inset-inline-end:1em;z-index:2147483000;padding:.6em 1.1em;border-radius:2em;
 font-weight:600;box-shadow:0 3px 12px #0006;max-width:calc(100vw - 2em)}
.panel{position:fixed;inset-block-end:1em;inset-inline-end:1em;z-index:2147483000;width:min(27em,100vw - 2em);
 height:min(44em,100dvh - 2em);container:panel/size;border:1px solid var(--_line);border-radius:var(--_radius);
 background:var(--_surface);box-shadow:0 6px 30px #0006;overflow:hidden}
.body{height:100%;display:grid;grid-template:auto auto 1fr auto/minmax(0,1fr)}
.head{display:flex;flex-wrap:wrap;align-items:center;gap:.4em;padding:.5em;padding-inline-start:1em;background:var(--_accent);color:var(--_on)}
h2{font-size:1.05em;margin:0;flex:1 1 6em;overflow-wrap:anywhere}.head :focus-visible{outline-color:var(--_on)}
.head button,.head button:hover{background:none;color:inherit;border-color:currentColor}
.body,.scroll{overflow-anchor:none}.scroll{overflow:auto;container:room/size;overscroll-behavior:contain}
.note{margin:0;padding:.5em 1.11em;background:var(--_soft);font-size:.9em}
.options,.log{padding:.8em 1em}.options{border-block-end:1px solid var(--_line)}
.options p{margin:.2em 0 .6em;font-size:.9em}.row{display:flex;flex-wrap:wrap;gap:.5em;align-items:center;margin-block:.5em}
label.tick{display:flex;gap:.6em;align-items:center;min-height:44px}input[type=checkbox]{inline-size:24px;block-size:24px;flex:none;accent-color:var(--_accent)}
.turn:last-child{min-height:calc(100cqh - 1.6em)}
.turn{padding-block-start:.6em}.said{margin:0 0 .8em;margin-inline-start:auto;width:fit-content;max-width:88%;padding:.5em .8em;border-radius:var(--_radius);background:var(--_accent);
 color:var(--_on);border:1px solid transparent;white-space:pre-wrap;overflow-wrap:anywhere}
.answer{margin-block-end:.8em;overflow-wrap:anywhere}.answer p,.answer ul{margin:0 0 .7em}.answer ul{padding-inline-start:1.2em}
.care{border:1px solid var(--_urgent);border-inline-start-width:.5em;border-radius:.4em;padding:0 1em .3em;overflow:clip}
.care h3{margin:0 -1em .7em;padding:.4em 1em;font-size:1.1em;background:var(--_urgent);color:var(--_urgent-on)}
.crisis{border-color:var(--_calm)}.crisis h3{background:var(--_calm);color:var(--_calm-on)}
.care ul{list-style:none;padding:0}a{color:var(--_link)}
.call{display:inline-flex;align-items:center;min-height:44px;min-width:44px;padding:.2em .5em;margin:.1em;border:1px solid var(--_line);
 border-radius:.4em;font-weight:600;color:var(--_link);justify-content:center}
details{margin-block-end:.7em;font-size:.9em}summary{min-height:44px;display:flex;align-items:center;cursor:pointer;text-decoration:underline}
details li{margin-block-end:.3em}details a{display:inline-flex;align-items:center;min-height:44px}
.choices{display:grid;gap:.5em;margin-block:.5em}.choices .row{margin:0}
.key{display:inline-block;min-width:1.6em;margin-inline-end:.5em;text-align:center;border:1px solid;border-radius:.3em;font-size:.85em}
.foot{border-block-start:1px solid var(--_line);padding:.6em 1em}.status:not(:empty),.alert:not(:empty){margin-block-end:.5em}
.alert:not(:empty){border-inline-start:.35em solid var(--_urgent);padding-inline-start:.6em}
form{display:flex;flex-wrap:wrap;gap:.5em;align-items:end}form label{flex:1 0 100%;font-size:.9em}
textarea{flex:1 1 9em;min-width:0;min-height:44px;max-height:9em;padding:.5em .6em;border:1px solid var(--_line);border-radius:var(--_radius);
 background:var(--_surface);resize:vertical;field-sizing:content}
@container panel (height < 25em) or (width < 16em){.body{display:block;overflow:auto}.scroll{overflow:visible;container-type:normal}
 .turn:last-child{min-height:0}}
@media (max-width:30em),(max-height:30em){.panel{inset:0;width:auto;height:auto;border-radius:0;border-width:0}}
@media (prefers-reduced-motion:no-preference){.panel{animation:rise .15s ease-out}@keyframes rise{from{opacity:0;translate:0 .5em}}}
@media print,(forced-colors:active){.said,.care h3,.head{border:1px solid;background:none;color:var(--_text)}}
@media print{.launcher,.foot,.head button,.options,.choices,.tools{display:none!important}
 .panel{position:static;width:auto;height:auto;border:0;box-shadow:none;container-type:normal;overflow:visible}
 .body{display:block;height:auto}.scroll{overflow:visible;container-type:normal}.turn{min-height:0!important;break-inside:avoid}
 details::details-content{content-visibility:visible;height:auto}}`;

  /** While the conversation is printed, nothing else of the page is. */
  const PRINT = "@media print{body :not(:has(dystonia-chat),dystonia-chat){display:none!important}}";

  /** A call to the assistant that brought no answer. */
  class Failure extends Error {
    /** @param {number} status of HTTP; 0 where nothing came back */
    constructor(status) {
      super(`no answer (${status})`);
      this.status = status;
    }
  }

  /**
   * An element; properties that start with "on" are listeners, false and null are left out.
   * @template {keyof HTMLElementTagNameMap} T
   * @param {T} tag
   * @param {Record<string, any>} [properties]
   * @param {...(Node | string)} children
   * @returns {HTMLElementTagNameMap[T]}
   */
  function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  }

  /** @param {string} css */
  function sheet(css) {
    const made = new CSSStyleSheet();
    made.replaceSync(css);
    return made;
  }

  function freshId() {
    return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /**
   * An address that is safe to open, or null.
   * @param {string | null | undefined} address
   */
  function safe(address) {
    if (/^(tel|sms):\d{2,15}$/.test(address ?? "")) return address ?? null;
    try {
      const parsed = new URL(address ?? "");
      return parsed.protocol === "https:" ? parsed.href : null;
    } catch {
      return null;
    }
  }

  /** Black or white, whichever is easier to read on a colour: one of them always has 4.5 : 1 (WCAG 2). @param {string} colour */
  function readableOn(colour) {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    if (!canvas) return "#fff";
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = Array.from(canvas.getImageData(0, 0, 1, 1).data, (part) =>
      part <= 10 ? part / 3294 : ((part / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
  }

  /** What a browser keeps for us; where it keeps nothing, neither do we. */
  const kept = {
    /** @param {"localStorage" | "sessionStorage"} where @param {string} name */
    read(where, name) {
      try {
        return JSON.parse(window[where].getItem(name) ?? "null");
      } catch {
        return null;
      }
    },
    /** @param {"localStorage" | "sessionStorage"} where @param {string} name @param {unknown} value */
    write(where, name, value) {
      try {
        if (value === null) window[where].removeItem(name);
        else window[where].setItem(name, JSON.stringify(value));
      } catch {
        // A page may forbid it: then a reload starts anew.
      }
    },
  };

  /** @type {any} */
  const Recognition = /** @type {any} */ (window).SpeechRecognition ?? /** @type {any} */ (window).webkitSpeechRecognition;
  const canSpeak = "speechSynthesis" in window;

  class DystoniaChat extends HTMLElement {
    static strings = ENGLISH;

    /** @type {Record<keyof typeof ENGLISH, string>} */
    #words = ENGLISH;
    /** @type {Session | null} */
    #session = null;
    /** @type {Wishes} */
    #wishes = { scale: 100, numbers: true, aloud: false, dictate: false };
    /** @type {Turn[]} */
    #turns = [];
    /** The last message that got no answer: sent again, it has the same id, so that it is answered once. */
    #unsent = { id: "", text: "" };
    #busy = false;
    /** Whether a new session was opened because the last had ended. */
    #ended = false;
    /** @type {Promise<void> | null} */
    #filling = null;
    #root = make("div", { class: "root" });
    #launcher = make("button", { class: "launcher accent", type: "button", part: "launcher", onclick: () => this.open() });
    #panel = make("div", { class: "panel", part: "panel", role: "dialog", "aria-labelledby": "title", "aria-describedby": "note", hidden: true });
    #log = make("div", { class: "log", role: "log", tabindex: "0" });
    #scroll = make("div", { class: "scroll" });
    #status = make("div", { class: "status", role: "status" });
    #alert = make("div", { class: "alert", role: "alert" });
    #box = make("textarea", { id: "box", rows: "1", maxlength: String(LONGEST), autocomplete: "off", enterkeyhint: "send", dir: "auto" });
    #options = make("div", { class: "options", id: "options", role: "group", hidden: true });
    /** @type {HTMLElement} */
    #dictateButton = make("span");
    /** @type {HTMLElement} */
    #optionsButton = make("span");
    /** @type {HTMLElement} */
    #sendButton = make("span");
    #listeners = new AbortController();

    constructor() {
      super();
      const shadow = this.attachShadow({ mode: "open" });
      shadow.adoptedStyleSheets = [sheet(STYLE)];
      shadow.append(this.#root);
      const once = (/** @type {KeyboardEvent} */ event) => {
        // A key that is held down counts once: cramped hands let go late.
        if (event.repeat && /^(Enter|[1-9])$/.test(event.key)) {
          event.preventDefault();
          event.stopPropagation();
        }
      };
      this.#root.addEventListener("keydown", once, true);
      this.#panel.addEventListener("keydown", (event) => this.#key(event));
    }

    async connectedCallback() {
      this.#listeners = new AbortController();
      Object.assign(this.#wishes, kept.read("localStorage", "dystonia-chat"));
      this.#session ??= kept.read("sessionStorage", this.#place);
      await this.#translate();
      if (!this.isConnected) return;
      this.#build();
      const { signal } = this.#listeners;
      addEventListener("online", () => (this.#say(this.#words.online), (this.#alert.textContent = "")), { signal });
      addEventListener("afterprint", () => this.#unprint(), { signal });
      matchMedia("(prefers-color-scheme:dark)").addEventListener("change", () => this.#colour(), { signal });
      if (this.#session?.open) this.open(false);
    }

    disconnectedCallback() {
      this.#listeners.abort();
      this.#hush();
      this.#filling = null;
      this.#panel.hidden = true;
      this.#launcher.hidden = false;
    }

    /** Opens the panel. @param {boolean} [focus] whether the keyboard goes there too */
    open(focus = true) {
      this.#panel.hidden = false;
      this.#launcher.hidden = true;
      this.#launcher.setAttribute("aria-expanded", "true");
      this.#colour();
      // On a touch screen a focused box would cover half of it with a keyboard.
      if (focus) (matchMedia("(pointer:coarse)").matches ? this.#log : this.#box).focus();
      if (this.#session) this.#remember({ ...this.#session, open: true });
      this.#fill();
    }

    /** Closes the panel; the keyboard goes back to the button that opened it. */
    close() {
      this.#panel.hidden = true;
      this.#launcher.hidden = false;
      this.#launcher.setAttribute("aria-expanded", "false");
      this.#launcher.focus();
      this.#hush();
      if (this.#session) this.#remember({ ...this.#session, open: false });
    }

    get #server() {
      return new URL(this.getAttribute("server") ?? "..", this.hasAttribute("server") ? location.href : HOME).href.replace(/\/$/, "");
    }

    get #place() {
      return `dystonia-chat ${this.#server}`;
    }

    async #translate() {
      const language = this.lang || document.documentElement.lang || "en";
      let found = "en";
      if (!/^en\b/i.test(language)) {
        try {
          this.#words = { ...ENGLISH, ...(await this.#ask(`strings?lang=${encodeURIComponent(language)}`, "GET")) };
          found = language;
        } catch {
          this.#words = ENGLISH;
        }
      }
      this.#root.lang = found;
      this.#root.dir = this.dir || this.#words.dir;
    }

    #build() {
      const words = this.#words;
      this.#launcher.replaceChildren(words.launcher);
      this.#launcher.setAttribute("aria-haspopup", "dialog");
      this.#launcher.setAttribute("aria-expanded", "false");
      this.#log.setAttribute("aria-label", words.talk);
      this.#optionsButton = this.#button(words.options, () => this.#toggleOptions());
      this.#optionsButton.setAttribute("aria-expanded", "false");
      this.#optionsButton.setAttribute("aria-controls", "options");
      this.#dictateButton = this.#button(words.speak, () => this.#dictate());
      this.#sendButton = make("button", { class: "accent" }, words.send);
      const header = make("div", { class: "head" }, make("h2", { id: "title" }, words.title), this.#optionsButton, this.#button(words.close, () => this.close()));
      const form = make(
        "form",
        { onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), this.#send()) },
        make("label", { for: "box" }, words.box),
        this.#box,
        this.#dictateButton,
        this.#sendButton,
      );
      this.#fillOptions();
      this.#welcome([]);
      this.#scroll.replaceChildren(this.#options, this.#log);
      const note = make("p", { id: "note", class: "note" }, words.note);
      const foot = make("div", { class: "foot" }, this.#status, this.#alert, form);
      this.#panel.replaceChildren(make("div", { class: "body" }, header, note, this.#scroll, foot));
      this.#root.replaceChildren(this.#launcher, this.#panel);
      this.#colour();
    }

    /** @param {string} label @param {() => void} press @param {Record<string, any>} [more] */
    #button(label, press, more = {}) {
      return make("button", { type: "button", onclick: press, ...more }, label);
    }

    #colour() {
      this.style.removeProperty("--_on-accent");
      this.style.setProperty("--_on-accent", readableOn(getComputedStyle(this.#launcher.hidden ? this.#panel.querySelector(".head") ?? this : this.#launcher).backgroundColor));
    }

    #fillOptions() {
      const words = this.#words;
      const shown = make("output", { dir: "ltr" }, `${this.#wishes.scale} %`);
      const resize = (/** @type {number} */ step) => () => {
        const place = SIZES.indexOf(this.#wishes.scale) + step;
        this.#wish({ scale: SIZES[Math.max(0, Math.min(SIZES.length - 1, place))] });
        shown.value = `${this.#wishes.scale} %`;
      };
      const forget = make("div", { class: "row" });
      const ask = () => {
        const keep = this.#button(words.forgetNo, rest);
        forget.replaceChildren(make("span", { id: "sure" }, words.forgetSure), this.#button(words.forgetYes, () => this.#forget(rest), { "aria-describedby": "sure" }), keep);
        keep.focus();
      };
      const rest = () => {
        const held = forget.contains(this.shadowRoot?.activeElement ?? null);
        const first = this.#button(words.forget, ask);
        forget.replaceChildren(first);
        if (held) first.focus();
      };
      this.#options.setAttribute("aria-label", words.options);
      this.#options.replaceChildren(
        make("div", { class: "row", role: "group", "aria-label": words.size }, words.size, this.#button("A−", resize(-1), { dir: "ltr", "aria-label": words.smaller }), shown, this.#button("A+", resize(1), { dir: "ltr", "aria-label": words.larger })),
        this.#tick("numbers", words.numbers, true),
        this.#tick("aloud", words.aloud, canSpeak),
        this.#tick("dictate", words.dictate, Boolean(Recognition)),
        make("p", { id: "speech" }, words.speechNote),
        make("div", { class: "row" }, this.#button(words.print, () => this.#print()), this.#button(words.save, () => this.#save())),
        forget,
      );
      rest();
      this.#grant();
    }

    /** @param {"numbers" | "aloud" | "dictate"} name @param {string} label @param {boolean} there whether the browser can do it */
    #tick(name, label, there) {
      const box = make("input", {
        type: "checkbox",
        checked: there && this.#wishes[name],
        disabled: !there,
        "aria-describedby": name === "numbers" ? null : "speech",
        onchange: () => this.#wish({ [name]: box.checked }),
      });
      return make("label", { class: "tick" }, box, make("span", {}, there ? label : `${label}. ${this.#words.absent}`));
    }

    /** @param {Partial<Wishes>} wishes */
    #wish(wishes) {
      Object.assign(this.#wishes, wishes);
      kept.write("localStorage", "dystonia-chat", this.#wishes);
      this.#grant();
    }

    /** Does as the visitor wishes. */
    #grant() {
      this.style.setProperty("--_scale", String(this.#wishes.scale / 100));
      this.#dictateButton.hidden = !(this.#wishes.dictate && Recognition);
      for (const button of this.#log.querySelectorAll(".aloud")) /** @type {HTMLElement} */ (button).hidden = !this.#wishes.aloud;
      for (const key of this.#log.querySelectorAll(".key")) /** @type {HTMLElement} */ (key).hidden = !this.#wishes.numbers;
      for (const group of this.#log.querySelectorAll(".choices")) {
        const hint = this.#words.pressNumber.replace("{n}", String(group.querySelectorAll(".choice").length));
        group.setAttribute("aria-description", this.#wishes.numbers ? hint : "");
      }
    }

    #toggleOptions() {
      this.#options.hidden = !this.#options.hidden;
      this.#optionsButton.setAttribute("aria-expanded", String(!this.#options.hidden));
      if (this.#options.hidden) this.#scrollers.forEach((scroller, place) => (scroller.scrollTop = this.#left[place]));
      else {
        this.#left = this.#scrollers.map((scroller) => scroller.scrollTop);
        this.#reveal(this.#options);
      }
    }

    /** Where the reader was. */
    #left = [0, 0];

    /** What may scroll: the conversation, or on a very small screen the whole panel. */
    get #scrollers() {
      return [this.#scroll, /** @type {Element} */ (this.#scroll.parentElement)];
    }

    /** Brings a part to the top of what scrolls, after a press of the visitor; the page around stays where it is. @param {Element | null} part */
    #reveal(part) {
      for (const scroller of this.#scrollers) {
        if (part) scroller.scrollTop += part.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
      }
    }

    /** @param {KeyboardEvent} event */
    #key(event) {
      if (event.isComposing) return;
      if (event.key === "Escape") {
        event.stopPropagation();
        return this.close();
      }
      const target = event.composedPath()[0];
      if (event.key === "Enter" && target === this.#box && !event.shiftKey) {
        event.preventDefault();
        return this.#send();
      }
      if (event.key === "Tab" && this.#panel.offsetWidth === document.documentElement.clientWidth) {
        // The page cannot be seen: the keyboard does not get lost in it.
        const ends = [this.#optionsButton, this.#sendButton];
        if (event.shiftKey) ends.reverse();
        if (target !== ends[1]) return;
        event.preventDefault();
        return ends[0].focus();
      }
      const typing = target instanceof HTMLTextAreaElement && target.value !== "";
      if (!this.#wishes.numbers || typing || event.ctrlKey || event.altKey || event.metaKey || !/^[1-9]$/.test(event.key)) return;
      if (target instanceof HTMLTextAreaElement && target !== this.#box) return;
      const button = this.#log.querySelectorAll("button.choice")[Number(event.key) - 1];
      if (button instanceof HTMLElement) {
        event.preventDefault();
        button.click();
      }
    }

    /** Brings what was said before a reload, or what can be asked first. What is asked meanwhile waits for it. */
    #fill() {
      return (this.#filling ??= this.#bring().catch((error) => {
        this.#filling = null;
        this.#fail(error);
      }));
    }

    async #bring() {
      /** @type {Turn[]} */
      let turns = [];
      if (this.#session) ({ turns } = await this.#call("history", "GET"));
      else await this.#begin();
      if (this.#ended) this.#settle();
      this.#turns = [];
      this.#welcome(turns.length ? [] : (this.#session?.starters ?? []));
      if (!turns.length) return;
      // It is there to be read again, not to be announced again.
      this.#log.setAttribute("aria-live", "off");
      for (const { said, answer } of turns) {
        const turn = this.#turn(said);
        this.#log.append(turn);
        this.#show(turn, said, answer);
      }
      this.#reveal(this.#log.lastElementChild);
    }

    async #begin() {
      const opened = await this.#ask("session", "POST");
      this.#remember({ token: opened.token, starters: opened.starters, open: !this.#panel.hidden });
    }

    /** @param {Session | null} session */
    #remember(session) {
      this.#session = session;
      kept.write("sessionStorage", this.#place, session);
    }

    /** @param {Choice[]} choices */
    #welcome(choices) {
      this.#log.replaceChildren(make("div", {}, make("p", {}, this.#words.welcome), ...this.#choices(choices, false)));
      this.#grant();
    }

    /** @param {Choice} [choice] otherwise what is in the box */
    async #send(choice) {
      if (this.#busy) return;
      const text = (choice?.payload ?? this.#box.value).trim();
      this.#alert.textContent = "";
      if (!text) {
        this.#alert.textContent = this.#words.empty;
        return this.#box.focus();
      }
      if (this.#unsent.text !== text) this.#unsent = { id: freshId(), text };
      const turn = this.#turn(choice?.title ?? text);
      const held = this.shadowRoot?.activeElement;
      this.#wait(true);
      const slow = [setTimeout(() => this.#say(this.#words.looking), 400), setTimeout(() => this.#say(this.#words.slow), 5000)];
      await this.#fill();
      this.#alert.textContent = "";
      this.#log.setAttribute("aria-live", "polite");
      this.#log.append(turn);
      this.#reveal(turn);
      try {
        const answer = await this.#call("message", "POST", { id: this.#unsent.id, message: text });
        this.#unsent = { id: "", text: "" };
        if (!choice) this.#box.value = "";
        this.#settle();
        if (answer.forgotten) {
          this.#turns = [];
          this.#log.replaceChildren(turn);
        }
        const article = this.#show(turn, choice?.title ?? text, answer);
        if (held && held !== this.#box && !held.isConnected) article.focus({ preventScroll: true });
      } catch (error) {
        turn.remove();
        this.#settle();
        this.#fail(error);
      } finally {
        slow.forEach(clearTimeout);
        this.#wait(false);
      }
    }

    /** @param {boolean} busy */
    #wait(busy) {
      this.#busy = busy;
      this.#box.readOnly = busy;
      for (const button of this.#panel.querySelectorAll(".choice,form .accent")) button.setAttribute("aria-disabled", String(busy));
    }

    /** What a visitor said. @param {string} text */
    #turn(text) {
      return make("div", { class: "turn" }, make("div", { class: "said", dir: "auto" }, make("span", { class: "vh" }, `${this.#words.you} `), text));
    }

    /**
     * Shows the answer to a message. What is being read stays in its place.
     * @param {Element} turn @param {string} said @param {Answer} answer
     */
    #show(turn, said, answer) {
      const top = (/** @type {Element} */ part) => part.getBoundingClientRect().top;
      const edge = Math.max(...this.#scrollers.map(top));
      const read = [...this.#log.querySelectorAll(".said,article")].find((part) => part.getBoundingClientRect().bottom > edge) ?? turn;
      const before = top(read);
      for (const old of this.#log.querySelectorAll(".tools,.choices")) old.remove();
      for (const scroller of this.#scrollers) scroller.scrollTop += top(read) - before;
      this.#turns.push({ id: answer.id, said, answer });
      const article = this.#article(answer);
      turn.append(article, ...this.#choices(answer.buttons, answer.reply.kind === "answer"), this.#tools(answer));
      this.#grant();
      return article;
    }

    /** @param {Answer} answer */
    #article(answer) {
      const words = this.#words;
      const { kind, sources } = answer.reply;
      const care = kind === "emergency" || kind === "crisis" ? kind : null;
      const heading = make("h3", { id: `h-${answer.id}`, class: care ? null : "vh" }, care ? words[care] : words.answer);
      const blocks = answer.blocks.map(({ list, lines }) =>
        list ? make("ul", {}, ...lines.map((line) => make("li", {}, ...line.map((piece) => this.#piece(piece))))) : make("p", {}, ...lines[0].map((piece) => this.#piece(piece)), ...lines.slice(1).flatMap((line) => [make("br"), ...line.map((piece) => this.#piece(piece))])),
      );
      if (care) heading.lang = this.#root.lang;
      const article = make("article", { class: `answer ${care ? `care ${care}` : ""}`, tabindex: "-1", "aria-labelledby": heading.id }, heading, make("div", { lang: "en", dir: "ltr" }, ...blocks));
      if (sources.length) article.append(this.#sources(sources));
      return article;
    }

    /** @param {Piece} piece @returns {Node | string} */
    #piece(piece) {
      if (typeof piece === "string") return piece;
      const href = safe(piece.href);
      if (!href) return piece.text;
      const verb = href.startsWith("sms:") ? this.#words.text : this.#words.call;
      return href.startsWith("https:") ? this.#link(href, piece.text, "call") : make("a", { class: "call", href, "aria-label": `${verb} ${piece.text}` }, piece.text);
    }

    /** @param {string} href @param {string} text @param {string} [name] its class */
    #link(href, text, name) {
      return make("a", { class: name, href, target: "_blank", rel: "noopener noreferrer" }, text, make("span", { class: "vh" }, ` (${this.#words.newTab})`));
    }

    /** @param {Source[]} sources */
    #sources(sources) {
      const items = sources.map(({ title, publisher, url, date }) => {
        const href = safe(url);
        return make("li", { lang: "en", dir: "ltr" }, href?.startsWith("https:") ? this.#link(href, title) : title, `, ${[publisher, date].filter(Boolean).join(", ")}`);
      });
      return make("details", { "aria-live": "off" }, make("summary", {}, this.#words.sources.replace("{n}", String(sources.length))), make("ul", {}, ...items));
    }

    /** @param {Choice[]} choices @param {boolean} moves whether "shorter" and "more" fit */
    #choices(choices, moves) {
      const words = this.#words;
      const all = [...choices, ...(moves ? [{ title: words.shorter, payload: "shorter" }, { title: words.more, payload: "more" }] : [])];
      if (!all.length) return [];
      const buttons = all.map((choice, place) =>
        make("button", { type: "button", class: "choice", lang: place < choices.length ? "en" : null, onclick: () => this.#send(choice) }, make("span", { class: "key", "aria-hidden": "true" }, String(place + 1)), choice.title),
      );
      const row = make("div", { class: "row" }, ...buttons.slice(choices.length));
      const group = make("div", { class: "choices", role: "group", "aria-label": words.suggested }, ...buttons.slice(0, choices.length), ...(moves ? [row] : []));
      return [group];
    }

    /** @param {Answer} answer */
    #tools(answer) {
      const words = this.#words;
      const tools = make("div", { class: "tools", "aria-live": "off" });
      if (canSpeak) {
        const aloud = this.#button(words.read, () => this.#readAloud(answer.text, aloud), { class: "aloud" });
        tools.append(make("div", { class: "row" }, aloud));
      }
      if (answer.reply.kind === "answer") tools.append(this.#feedback(answer.id));
      return tools;
    }

    /** @param {string} id of the message */
    #feedback(id) {
      const words = this.#words;
      const row = make("div", { class: "row", role: "group", "aria-label": words.helped });
      const done = () => {
        const held = row.contains(this.shadowRoot?.activeElement ?? null);
        row.replaceChildren();
        this.#say(words.thanks);
        if (held) this.#box.focus();
      };
      /** @param {boolean} helpful @param {string} reason @param {() => void} next */
      const tell = async (helpful, reason, next) => {
        try {
          await this.#call("feedback", "POST", { id, helpful, reason });
          next();
        } catch (error) {
          this.#fail(error);
        }
      };
      const why = () => {
        const reason = make("textarea", { id: "reason", rows: "2", maxlength: String(LONGEST_REASON), dir: "auto" });
        const send = this.#button(words.sendReason, () => (reason.value.trim() ? tell(false, reason.value.trim(), done) : done()));
        row.replaceChildren(make("label", { for: "reason" }, words.reason), reason, send, this.#button(words.skip, done));
        reason.focus();
      };
      row.append(words.helped, this.#button(words.yes, () => tell(true, "", done)), this.#button(words.no, () => tell(false, "", why)));
      return row;
    }

    /** @param {string} text @param {HTMLElement} button */
    #readAloud(text, button) {
      const { read, stop } = this.#words;
      const reading = button.textContent === stop;
      speechSynthesis.cancel();
      button.textContent = reading ? read : stop;
      if (reading) return;
      // Some voices fall silent amid a long text; line by line they do not.
      const lines = text.match(/[^\n•]+/g) ?? [];
      const ended = () => (button.textContent = read);
      lines.forEach((line, place) => {
        const utterance = new SpeechSynthesisUtterance(line);
        utterance.lang = "en";
        utterance.onerror = ended;
        if (place === lines.length - 1) utterance.onend = ended;
        speechSynthesis.speak(utterance);
      });
    }

    /** Reads and listens no more. */
    #hush() {
      if (canSpeak) speechSynthesis.cancel();
      this.#listening?.abort();
    }

    /** @type {any} */
    #listening = null;

    #dictate() {
      if (this.#listening) return this.#listening.stop();
      const recognition = new Recognition();
      recognition.lang = "en";
      recognition.onresult = (/** @type {any} */ event) => {
        this.#box.value = `${this.#box.value} ${event.results[0][0].transcript}`.trim().slice(0, LONGEST);
      };
      recognition.onerror = () => (this.#alert.textContent = this.#words.notHeard);
      recognition.onend = () => {
        this.#listening = null;
        this.#dictateButton.setAttribute("aria-pressed", "false");
        this.#status.textContent = "";
        this.#box.focus();
      };
      this.#listening = recognition;
      this.#dictateButton.setAttribute("aria-pressed", "true");
      this.#say(this.#words.listening);
      recognition.start();
    }

    #print() {
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, this.#printing];
      print();
    }

    #printing = sheet(PRINT);

    #unprint() {
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((used) => used !== this.#printing);
    }

    #save() {
      const { you, answer, note } = this.#words;
      const text = [note, ...this.#turns.map((turn) => `${you} ${turn.said}\n\n${answer} ${turn.answer.text}`)].join("\n\n");
      const href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
      make("a", { href, download: this.#words.file }).click();
      setTimeout(() => URL.revokeObjectURL(href), 1000);
    }

    /** @param {() => void} rest puts the first button back */
    async #forget(rest) {
      try {
        let receipt = { deleted: 0, at: Date.now() / 1000 };
        // Not in a new session, where there would be nothing to delete.
        if (this.#session) receipt = await this.#ask("session", "DELETE");
        const when = new Date(receipt.at * 1000).toLocaleString(this.#root.lang, { dateStyle: "long", timeStyle: "short" });
        const told = this.#words.forgotten.replace("{when}", when).replace("{n}", String(receipt.deleted));
        const starters = this.#session?.starters ?? [];
        this.#hush();
        this.#remember(null);
        this.#turns = [];
        this.#box.value = "";
        this.#welcome(starters);
        rest();
        this.#alert.textContent = "";
        this.#say(told);
      } catch {
        rest();
        this.#alert.textContent = this.#words.forgetFailed;
      }
    }

    /** @param {string} words */
    #say(words) {
      this.#status.textContent = words;
    }

    /** Nothing goes on any more. */
    #settle() {
      this.#say(this.#ended ? this.#words.expired : "");
      this.#ended = false;
    }

    /** Says what went wrong and what to do. @param {unknown} error */
    #fail(error) {
      const words = this.#words;
      /** @type {Record<number, string>} */
      const known = { 400: words.unread, 403: words.notHere, 429: words.tooMany };
      const again = navigator.onLine ? words.failed : words.offline;
      this.#alert.textContent = known[error instanceof Failure ? error.status : 0] ?? (this.#box.value ? again : words.unreached);
    }

    /** A call within the session; where it has ended, in a new one. @param {string} path @param {string} method @param {object} [body] */
    async #call(path, method, body) {
      if (!this.#session) await this.#begin();
      try {
        return await this.#ask(path, method, body);
      } catch (error) {
        if (!(error instanceof Failure) || error.status !== 401) throw error;
        await this.#begin();
        this.#ended = true;
        return this.#ask(path, method, body);
      }
    }

    /** @param {string} path @param {string} method @param {object} [body] @returns {Promise<any>} */
    async #ask(path, method, body) {
      /** @type {Record<string, string>} */
      const headers = this.#session ? { Authorization: `Bearer ${this.#session.token}` } : {};
      let answer;
      try {
        answer = await fetch(`${this.#server}/webhooks/widget/${path}`, {
          method,
          headers,
          body: body && JSON.stringify(body),
          cache: "no-store",
          credentials: "omit",
          referrerPolicy: "no-referrer",
          signal: AbortSignal.timeout(PATIENCE),
        });
        if (answer.ok) return await answer.json();
      } catch {
        throw new Failure(0);
      }
      throw new Failure(answer.status);
    }
  }

  if (!customElements.get("dystonia-chat")) customElements.define("dystonia-chat", DystoniaChat);
})();
