import '../parts/tokens.css';
import '../parts/base.css';
import '../parts/parts.css';
import '../worker/worker.css';
import '../operator/operator.css';
import '../parts/mark.svg';
import { copyOnClick } from './copy.ts';
import { wakeIslands } from './islands.ts';
import { localTimes } from './local-times.ts';
import { themeSwitch } from './theme.ts';

themeSwitch();
for (const element of document.querySelectorAll<HTMLElement>('[data-needs-script]')) {
  element.hidden = false;
}
localTimes(document);
copyOnClick();
// Marked for whoever measures how soon a page can be used.
void wakeIslands(document).then(() => performance.mark('awake'));
