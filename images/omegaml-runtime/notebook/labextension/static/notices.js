// What JupyterLab loads as a federated extension: a container with one module. Written by hand, nothing is built.
;(() => {
  const LOOK_MS = 30_000
  const told = new Set()

  /** `/user/alice/`, with what a request that changes something needs. */
  function server() {
    const { baseUrl } = JSON.parse(document.getElementById('jupyter-config-data')?.textContent ?? '{}')
    const [, token = ''] = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie) ?? []
    return { url: `${baseUrl ?? '/'}cloudmgr/notices`, headers: { 'X-XSRFToken': decodeURIComponent(token) } }
  }

  async function tell(app) {
    const { url } = server()
    const answer = await fetch(url, { credentials: 'same-origin' })
    if (!answer.ok) return
    for (const { id, message, stay } of (await answer.json()).notices) {
      if (told.has(id)) continue
      told.add(id)
      const actions = stay ? [{ label: 'Keep it running', commandId: 'cloudmgr:stay', displayType: 'accent' }] : []
      await app.commands.execute('apputils:notify', { message, type: 'warning', options: { autoClose: false, actions } })
    }
  }

  const plugin = {
    id: 'cloudmgr-notices:plugin',
    autoStart: true,
    activate: (app) => {
      app.commands.addCommand('cloudmgr:stay', {
        label: 'Keep the server running',
        execute: () => {
          const { url, headers } = server()
          return fetch(url, { method: 'POST', credentials: 'same-origin', headers })
        },
      })
      // A server that does not answer is JupyterLab's own business to tell.
      const look = () => tell(app).catch(() => undefined)
      app.restored.then(look)
      setInterval(look, LOOK_MS)
    },
  }

  window._JUPYTERLAB ??= {}
  window._JUPYTERLAB['cloudmgr-notices'] = {
    init: () => undefined,
    get: async () => () => ({ __esModule: true, default: plugin }),
  }
})()
