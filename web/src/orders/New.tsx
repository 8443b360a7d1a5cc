import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { api } from '../api.ts'
import { Loading, Problem, sentence } from '../frame/States.tsx'
import { Title } from '../frame/Title.tsx'
import { Words } from '../frame/Words.tsx'
import { OrderForm } from './OrderForm.tsx'

/** Orders a service. */
export function NewOrder() {
  const { plan: name = '' } = useParams({ strict: false })
  const {
    data: plan,
    error,
    refetch,
  } = useQuery({
    queryKey: ['plan', name],
    queryFn: () => api.plan(name),
    staleTime: 300_000,
  })
  if (plan === undefined) {
    if (error === null) return <Loading />
    return (
      <>
        <Title name="Order">{name}</Title>
        <Problem title="This service can’t be ordered" error={error} again={refetch} />
      </>
    )
  }
  const { title, description, unavailable } = plan
  return (
    <>
      <div className="stack">
        <Title name={`Order ${title}`}>{title}</Title>
        <p className="dim">
          <Words>{sentence(description)}</Words>
        </p>
      </div>
      {unavailable === undefined ? (
        <OrderForm plan={plan} phase="install" />
      ) : (
        <Problem title="Not on this site" error={new Error(unavailable)} />
      )}
    </>
  )
}
