/* SPDX-License-Identifier: MIT
 *
 * The roofline as a picture: both axes logarithmic, operations a byte to the right, operations a
 * second upwards; a line for each peak, a circle for each group, its area the share of the phase's
 * time. Pointing at a circle names the group. */
#include <math.h>
#include <stdlib.h>

#include "tools/bench/bench.h"

enum { WIDTH = 960, HEIGHT = 600, LEFT = 80, TOP = 30, RIGHT = 20, BOTTOM = 50, DECADES = 6 };

static const double x_min = 0.01, y_max = 1e4; /* operations a byte; G operations a second */

static double x_of(double intensity)
{
    double t = log10(OGI_MAX(intensity, x_min) / x_min) / DECADES;
    return LEFT + (WIDTH - LEFT - RIGHT) * OGI_MIN(t, 1.0);
}

static double y_of(double gflop_s)
{
    double t = log10(y_max / OGI_MAX(gflop_s, 1e-12)) / DECADES;
    return TOP + (HEIGHT - TOP - BOTTOM) * OGI_MIN(OGI_MAX(t, 0.0), 1.0);
}

static void add_grid(ogi_buf *out)
{
    for (int i = 0; i <= DECADES; i++) {
        double x = x_of(x_min * pow(10, i)), y = y_of(y_max / pow(10, i));
        ogi_buf_printf(out,
                       "<path class=\"grid\" d=\"M%.1f %d V%d\"/>"
                       "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n",
                       x, TOP, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 18, x_min * pow(10, i));
        ogi_buf_printf(out,
                       "<path class=\"grid\" d=\"M%d %.1f H%d\"/>"
                       "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
                       LEFT, y, WIDTH - RIGHT, LEFT - 6, y + 4, y_max / pow(10, i));
    }
    ogi_buf_printf(out, "<text x=\"%d\" y=\"%d\">operations a byte</text>\n", WIDTH / 2 - 50,
                   HEIGHT - 12);
    ogi_buf_printf(out, "<text x=\"%d\" y=\"18\">G operations a second</text>\n", LEFT);
}

/* Bandwidth up to the peak, then the peak. */
static void add_roof(const char *name, double gb_s, double peak, ogi_buf *out)
{
    double knee = peak / gb_s;
    ogi_buf_printf(out,
                   "<path class=\"roof\" d=\"M%d %.1f L%.1f %.1f H%d\"/>"
                   "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s %.0f</text>\n",
                   LEFT, y_of(gb_s * x_min), x_of(knee), y_of(peak), WIDTH - RIGHT, WIDTH - RIGHT,
                   y_of(peak) - 6, name, peak);
}

static void add_escaped(ogi_buf *out, const char *s)
{
    for (; *s; s++) switch (*s) {
        case '<': ogi_buf_puts(out, "&lt;"); break;
        case '&': ogi_buf_puts(out, "&amp;"); break;
        default: ogi_buf_putc(out, *s);
        }
}

static void add_groups(const bench_phase *p, const bench_account *a, ogi_buf *out)
{
    bench_table t = bench_table_of(a);
    for (int i = 0; i < t.n; i++) {
        const struct bench_work *w = &t.row[i].work;
        if (w->seconds <= 0 || w->bytes <= 0 || w->flops <= 0) continue;
        double share = w->seconds / OGI_MAX(t.seconds, 1e-12), speed = w->flops / w->seconds / 1e9;
        ogi_buf_printf(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"><title>",
                       p->name, x_of(w->flops / w->bytes), y_of(speed), 3 + 25 * sqrt(share));
        add_escaped(out, t.row[i].name);
        ogi_buf_printf(out, "\n%s: %.1f %% of the time, %.1f G/s, %.0f %% of the limit", p->name,
                       100 * share, speed, 100 * w->limit / w->seconds);
        ogi_buf_puts(out, "</title></circle>\n");
    }
    free(t.row);
}

void bench_svg(const bench_report *r, ogi_buf *out)
{
    ogi_buf_printf(out,
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
                   "font-family=\"sans-serif\" font-size=\"12\">\n"
                   "<style>.grid{stroke:#ddd}.roof{stroke:#444;fill:none;stroke-width:2}"
                   "circle{fill-opacity:.5}.prefill{fill:#2070c0}.decode{fill:#d06020}</style>\n"
                   "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
                   WIDTH, HEIGHT);
    add_grid(out);
    const ogi_roofline *m = &r->roof;
    if (m->read_gb_s > 0) {
        add_roof("f32", m->read_gb_s, m->f32_gflop_s, out);
        add_roof("bf16", m->read_gb_s, m->bf16_gflop_s, out);
        add_roof("int8", m->read_gb_s, m->int8_gop_s, out);
    }
    for (int i = 0; i < r->n_phase; i++) add_groups(&r->phase[i], &r->account[i], out);
    ogi_buf_printf(out, "<text x=\"%d\" y=\"18\" text-anchor=\"end\">", WIDTH - RIGHT);
    add_escaped(out, r->shape);
    ogi_buf_printf(out, " %s, %s, %d threads: prefill blue, decode red</text>\n</svg>\n", r->type,
                   r->info.isa, r->info.n_thread);
}
