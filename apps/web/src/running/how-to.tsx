import { Command } from '../parts/copy.tsx'

/** How a site comes to report; for views that are empty until one does. */
export function HowToReport({ site = 'prod-eu' }: { site?: string }) {
  return (
    <div className="stack tight">
      <p>
        A robot with a token for this site alone says what runs there, all of it, every few minutes. The
        manual has a CronJob for Kubernetes (docs/running.md).
      </p>
      <Command
        text={`kubectl get pods -A -o jsonpath='{range .items[*].status.containerStatuses[*]}{.image}{"\\t"}{.imageID}{"\\n"}{end}' | sluice running report ${site}`}
      />
    </div>
  )
}
