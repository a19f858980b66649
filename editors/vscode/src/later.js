'use strict';

const PAUSE_MS = 250;

/**
 * Make a function that does something once its caller has paused, with what it was given last.
 * @template T
 * @param {(value: T) => unknown} done
 */
function later(done) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const ask = (/** @type {T} */ value) => {
    clearTimeout(timer);
    timer = setTimeout(() => done(value), PAUSE_MS);
  };
  ask.dispose = () => clearTimeout(timer);
  return ask;
}

module.exports = { later };
