import { type Exchange, sendText } from './exchange.ts'
import type { Fault } from './faults.ts'
import { hang } from './hang.ts'
import type { SandboxRequest } from './ledger.ts'
import type { ImageKind } from './models.ts'
import { pause, type Studio } from './studio.ts'

/** Enters a request for images into the ledger, before its body is read. */
export function openEntry({ ledger }: Studio, exchange: Exchange, kind: ImageKind): SandboxRequest {
  const clientRequestId = headerOf(exchange, 'x-client-request-id')?.slice(0, 512) ?? null
  exchange.entry = ledger.open({ id: exchange.requestId, path: exchange.path, kind, clientRequestId })
  return exchange.entry
}

export interface TakeFaultOptions {
  isPaidRoute: boolean
  prompt?: string
}

export function takeFault(
  { faults }: Studio,
  exchange: Exchange,
  options: TakeFaultOptions,
): Fault | undefined {
  return faults.take({ path: exchange.path, header: headerOf(exchange, 'x-sandbox-fault'), ...options })
}

/** The faults that take the place of a reply in any dialect. Says whether one of them did. */
export async function breakOff(
  studio: Studio,
  exchange: Exchange,
  fault: Fault | undefined,
): Promise<boolean> {
  switch (fault?.name) {
    case 'hang':
      return hang(exchange.signal)
    case 'slow':
      await pause(fault.value ?? studio.slowMs, exchange.signal)
      return false
    case 'reset':
      exchange.response.destroy()
      return true
    case '502-html':
      sendText(exchange, badGatewayPage, { status: 502, contentType: 'text/html' })
      return true
    default:
      return false
  }
}

const badGatewayPage =
  '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n' +
  '<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n'

function headerOf({ request }: Exchange, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}
