import { createContext, useContext } from 'react'
import type { Session } from '../session/session.ts'
import type { Gateway } from './gateway.ts'

export interface Connection {
  gateway: Gateway
  session: Session
}

export const ConnectionContext = createContext<Connection | null>(null)

export function useConnection(): Connection {
  const connection = useContext(ConnectionContext)
  if (!connection) throw new Error('There is no connection around this component')
  return connection
}
