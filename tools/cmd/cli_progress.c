/* SPDX-License-Identifier: MIT
 *
 * The bar writes to a terminal's stderr alone, and erases itself before anything else is
 * printed. */
#include "tools/cmd/cli_progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

enum { WIDTH = 30 };

void cli_progress_begin(cli_progress *p, const char *what)
{
    *p = (cli_progress){
        .what = what,
        .is_terminal = isatty(STDERR_FILENO),
        .start = ogi_seconds(),
        .percent = -1,
    };
}

void cli_progress_update(cli_progress *p, double done)
{
    int percent = (int)(100 * OGI_MIN(OGI_MAX(done, 0), 1));
    if (!p->is_terminal || percent == p->percent || ogi_seconds() - p->start < 1) return;
    p->percent = percent;
    p->is_shown = true;
    char bar[WIDTH + 1] = { 0 };
    for (int i = 0; i < WIDTH; i++) bar[i] = i * 100 < percent * WIDTH ? '#' : '.';
    fprintf(stderr, "\r%s [%s] %3d %%", p->what, bar, percent);
    fflush(stderr);
}

void cli_progress_end(cli_progress *p)
{
    if (p->is_shown) fprintf(stderr, "\r\033[K");
    p->is_shown = false;
}
