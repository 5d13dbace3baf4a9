export type OnProgress = (sentBytes: number, totalBytes: number) => void

/** `fetch` for one upload with its progress, which only XMLHttpRequest reports. */
export function createProgressFetch(onProgress: OnProgress, signal: AbortSignal): typeof fetch {
  return (input, init = {}) =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest()
      const stop = () => request.abort()
      request.open(init.method ?? 'GET', String(input))
      new Headers(init.headers).forEach((value, name) => {
        request.setRequestHeader(name, value)
      })
      request.upload.onprogress = ({ loaded, total }) => onProgress(loaded, total)
      request.onload = () => resolve(readResponse(request))
      request.onerror = () => reject(new TypeError('The upload was cut off'))
      request.onabort = () => reject(new DOMException('The upload was stopped', 'AbortError'))
      request.onloadend = () => signal.removeEventListener('abort', stop)
      signal.addEventListener('abort', stop)
      request.send(init.body as XMLHttpRequestBodyInit)
    })
}

function readResponse(request: XMLHttpRequest): Response {
  const contentType = request.getResponseHeader('content-type') ?? 'text/plain'
  return new Response(request.responseText, {
    status: request.status,
    headers: { 'content-type': contentType },
  })
}
