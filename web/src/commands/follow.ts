import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { api, type CommandDetails } from '../api.ts'
import { currentCommand, type Live, silence, type StreamedLine, type StreamedState, withLines } from './live.ts'

/** While the stream is broken it is asked instead. */
const POLL_MS = 2_000

/**
 * An order as it happens: by the stream of its events, and by asking while that does not work. `again` follows it anew,
 * after a change that made an ended order go on.
 */
export function useCommand(id: number) {
  const queries = useQueryClient()
  const [live, setLive] = useState<Live>(silence)
  const [streams, setStreams] = useState(false)
  const [round, setRound] = useState(0)
  const { data, error, refetch } = useQuery({
    queryKey: ['command', id],
    queryFn: () => api.command(id),
    refetchInterval: ({ state }) => (streams || isOver(state.data) ? false : POLL_MS),
  })

  // oxlint-disable-next-line react/exhaustive-deps -- another round is another stream
  useEffect(() => {
    setLive(silence)
    return follow(`/api/v2/commands/${id}/events`, setLive, setStreams, () => {
      // Whatever shows what the order was about looks again.
      void queries.invalidateQueries({ queryKey: ['account'] })
      void queries.invalidateQueries({ queryKey: ['deployments'] })
      void queries.invalidateQueries({ queryKey: ['deployment'] })
      void queries.invalidateQueries({ queryKey: ['commands'] })
    })
  }, [id, round, queries])

  const again = () => {
    setRound((before) => before + 1)
    void refetch()
  }
  const isNewer = live.state !== undefined && (streams || live.ended)
  return { command: currentCommand(isNewer ? live : silence, data), error, again, streams }
}

function isOver(command: CommandDetails | undefined): boolean {
  return command?.state === 'done' || command?.state === 'failed'
}

/** Hands what comes on; answers with what ends it. The browser comes back by itself and goes on where it stopped. */
function follow(
  path: string,
  tell: (change: (live: Live) => Live) => void,
  streams: (works: boolean) => void,
  ended: () => void,
): () => void {
  const source = new EventSource(path)
  // Many lines come at once: shown together.
  let lines: StreamedLine[] = []
  let frame = 0
  const show = () => {
    const told = lines
    lines = []
    frame = 0
    tell((live) => withLines(live, told))
  }
  source.addEventListener('open', () => streams(true))
  source.addEventListener('error', () => streams(false))
  source.addEventListener('output', ({ data }) => {
    lines.push(JSON.parse(String(data)) as StreamedLine)
    if (frame === 0) frame = requestAnimationFrame(show)
  })
  source.addEventListener('state', ({ data }) => {
    const state = JSON.parse(String(data)) as StreamedState
    tell((live) => ({ ...live, state }))
  })
  source.addEventListener('end', () => {
    source.close()
    if (lines.length > 0) show()
    tell((live) => ({ ...live, ended: true }))
    ended()
  })
  return () => {
    source.close()
    cancelAnimationFrame(frame)
    streams(false)
  }
}
