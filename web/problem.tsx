import type { PageProblem } from '../src/api/page-answer.ts';
import type { Shown } from './page.ts';
import type { Frame } from './parts/layout.tsx';

/** A page that says what happened, why, and what to do. */
export function problemPage(frame: Frame, problem: PageProblem): Shown {
  return {
    status: problem.status,
    frame,
    content: (
      <>
        <p class="crumbs">Status {problem.status}</p>
        <h1>{problem.title}</h1>
        <p class="prose">{problem.detail}</p>
        <p class="prose">{problem.advice}</p>
        <p>
          <a href="/">To the start</a>
        </p>
      </>
    ),
  };
}
