/** The mark: three thin lines that join into one. Takes the colour of the text around it. */
export function Mark({ size = 20 }: { readonly size?: number }) {
  return (
    <svg
      class="mark"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-linecap="round"
      aria-hidden="true"
    >
      <path stroke-width="1.2" d="M1 2.5C5 2.5 6 8 9.5 8M1 8h8.5M1 13.5C5 13.5 6 8 9.5 8" />
      <path stroke-width="2.8" d="M9.5 8H14.5" />
    </svg>
  );
}
