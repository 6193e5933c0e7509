// Browsers refuse workers to a page that was opened from a file. There, the worker of the search runs in a hidden frame.
"use strict";

function loadScript(page, url) {
  return new Promise((resolve, reject) => {
    const script = page.createElement("script");
    script.src = url;
    script.onload = resolve;
    script.onerror = reject;
    page.body.append(script);
  });
}

class FrameWorker extends EventTarget {
  constructor(url) {
    super();
    this.frame = document.createElement("iframe");
    this.frame.hidden = true;
    document.body.append(this.frame);

    const scope = this.frame.contentWindow;
    scope.document.write("<!doctype html><body>"); // keeps Firefox from replacing the empty page later
    scope.document.close();
    scope.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
    scope.importScripts = async (...urls) => {
      for (const one of urls) await loadScript(scope.document, one);
    };
    this.ready = loadScript(scope.document, url);
  }

  async postMessage(data) {
    await this.ready;
    this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data: structuredClone(data) }));
  }

  terminate() {
    this.frame.remove();
  }
}

if (location.protocol === "file:") {
  window.Worker = FrameWorker;
  window.IFrameWorker = FrameWorker; // the name by which Material for MkDocs knows that scripts are imported asynchronously
}
