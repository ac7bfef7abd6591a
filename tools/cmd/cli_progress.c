/* SPDX-License-Identifier: MIT
 *
 * The bar writes to a terminal's stderr alone, and erases itself before anything else is
 * printed. */
#include "tools/cmd/cli_progress.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

enum { WIDTH = 30, NARROWEST = 4, PERCENT = 8 /* columns of "] 100 %" and the last one */ };

void cli_progress_begin(cli_progress *p, const char *what)
{
    *p = (cli_progress){
        .what = what,
        .is_terminal = cli_is_screen(stderr),
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
    struct winsize size = { 0 };
    int columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col ? 80 : size.ws_col;
    int room = OGI_MAX(columns - PERCENT, 0), text = OGI_MIN((int)strlen(p->what), room);
    int width = OGI_MIN(room - text - 2, WIDTH); /* of the bar, behind " [" */
    char bar[WIDTH + 1] = { 0 };
    for (int i = 0; i < width; i++) bar[i] = i * 100 < percent * width ? '#' : '.';
    if (width >= NARROWEST)
        fprintf(stderr, "\r%s [%s] %3d %%", p->what, bar, percent);
    else
        fprintf(stderr, "\r%.*s %3d %%", text, p->what, percent);
    fflush(stderr);
}

void cli_progress_end(cli_progress *p)
{
    if (p->is_shown) fprintf(stderr, "\r\033[K");
    p->is_shown = false;
}
