/** Our mark: an omega that holds a node. */
export function Mark({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" fill="none" aria-hidden="true" focusable="false">
      <path
        stroke="currentColor"
        strokeWidth="3"
        strokeLinecap="round"
        strokeLinejoin="round"
        d="M4.5 26.5H12v-2.6a10 10 0 1 1 8 0v2.6h7.5"
      />
      <circle cx="16" cy="14.8" r="3.1" fill="var(--mantine-color-cobalt-5)" />
    </svg>
  )
}
