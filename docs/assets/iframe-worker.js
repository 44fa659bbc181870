// Search on pages that are opened from disk: browsers refuse web workers on file://, so the search
// runs in a hidden frame with the interface of a worker. Without this file mkdocs-material would
// load such a shim from a CDN.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      document.body.appendChild(frame)
      this.frame = frame
      const inner = frame.contentWindow
      inner.document.open()
      inner.document.write("<!doctype html><body></body>")
      inner.document.close()
      inner.postMessage = data => this.answer(data)
      inner.importScripts = (...names) =>
        names.reduce((done, name) => done.then(() => load(inner, new URL(name, url))), Promise.resolve())
      this.ready = load(inner, new URL(url, location))
    }
    answer(data) {
      const event = new MessageEvent("message", { data })
      this.dispatchEvent(event)
      if (this.onmessage) this.onmessage(event)
    }
    postMessage(data) {
      const inner = this.frame.contentWindow
      this.ready.then(() => inner.dispatchEvent(new inner.MessageEvent("message", { data })))
    }
    terminate() {
      this.frame.remove()
    }
  }
  function load(inner, url) {
    return new Promise((resolve, reject) => {
      const script = inner.document.createElement("script")
      script.src = url
      script.onload = resolve
      script.onerror = reject
      inner.document.body.appendChild(script)
    })
  }
}
