import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { api, type Plan } from '../api.ts'
import { Cli } from '../frame/Cli.tsx'
import { Loading, Problem, sentence } from '../frame/States.tsx'
import { Title } from '../frame/Title.tsx'
import { Words } from '../frame/Words.tsx'
import classes from './Orders.module.css'

/** What can be ordered. */
export function PlanList() {
  const { data, error, refetch } = useQuery({ queryKey: ['plans'], queryFn: api.plans, staleTime: 300_000 })
  return (
    <>
      <Title>Services</Title>
      <p className="dim">Choose what you want to have. You see what would happen before anything is ordered.</p>
      {error !== null && <Problem title="The services can’t be shown" error={error} again={refetch} />}
      {data === undefined && error === null && <Loading />}
      {data !== undefined && (
        <ul className={classes['plans']}>
          {data.plans
            .filter(({ phases }) => phases.includes('install'))
            .map((plan) => (
              <Card key={plan.plan} plan={plan} />
            ))}
        </ul>
      )}
      <Cli line="cloudmgr service list" />
    </>
  )
}

function Card({ plan: { plan, title, description, unavailable } }: { plan: Plan }) {
  return (
    <li className={classes['plan']} data-closed={unavailable === undefined ? undefined : true}>
      <h2>
        {unavailable === undefined ? (
          <Link to="/services/$plan" params={{ plan }}>
            {title}
          </Link>
        ) : (
          title
        )}
      </h2>
      <p className="small dim">
        <Words>{sentence(description)}</Words>
      </p>
      <p className="small">{unavailable === undefined ? <code>{plan}</code> : sentence(unavailable)}</p>
    </li>
  )
}
