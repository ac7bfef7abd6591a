/* SPDX-License-Identifier: MIT
 *
 * strftime_now: a time as text, in the C locale, with glibc's conversions. */
#include <stdio.h>
#include <time.h>

#include "text/template/builtin.h"

static int weekday(int y, int m, int d) /* 0 = Sunday (Sakamoto) */
{
    static const int shift[] = { 0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4 };
    y -= m < 3;
    return (y + y / 4 - y / 100 + y / 400 + shift[m - 1] + d) % 7;
}

static int yearday(int y, int m, int d) /* 1 = January 1st */
{
    static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return before[m - 1] + d + (leap && m > 2);
}

/* ISO 8601: the week with this day's Thursday, and the year that Thursday is in. */
static int iso_week(tmpl_time t, int *year)
{
    int wday = (weekday(t.year, t.month, t.day) + 6) % 7; /* 0 = Monday */
    int thursday = yearday(t.year, t.month, t.day) + 3 - wday, last = yearday(t.year, 12, 31);
    *year = t.year;
    if (thursday < 1) {
        thursday += yearday(t.year - 1, 12, 31);
        --*year;
    } else if (thursday > last) {
        thursday -= last;
        ++*year;
    }
    return (thursday + 6) / 7;
}

/* Seconds since 1970, t being local time. */
static int64_t epoch(tmpl_time t)
{
    struct tm tm = { .tm_year = t.year - 1900,
                     .tm_mon = t.month - 1,
                     .tm_mday = t.day,
                     .tm_hour = t.hour,
                     .tm_min = t.minute,
                     .tm_sec = t.second,
                     .tm_isdst = -1 };
    return mktime(&tm);
}

/* One conversion; false if there is none of that name. */
static bool put_time(tmpl_sb *b, char c, char flag, tmpl_time t, bool trusted)
{
    static const char *const day[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday" };
    static const char *const month[] = { "January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December" };
    int hour12 = t.hour % 12 ? t.hour % 12 : 12, wday = weekday(t.year, t.month, t.day);
    int yday = yearday(t.year, t.month, t.day), iso_year, week = iso_week(t, &iso_year);
    int64_t value = -1;
    int width = 2;
    char pad = '0';
    const char *text = NULL;
    switch (c) {
    case 'Y': value = t.year, width = 4; break;
    case 'm': value = t.month; break;
    case 'd': value = t.day; break;
    case 'e': value = t.day, pad = ' '; break;
    case 'H': value = t.hour; break;
    case 'I': value = hour12; break;
    case 'k': value = t.hour, pad = ' '; break;
    case 'l': value = hour12, pad = ' '; break;
    case 'M': value = t.minute; break;
    case 'S': value = t.second; break;
    case 'y': value = t.year % 100; break;
    case 'C': value = t.year / 100; break;
    case 'j': value = yday, width = 3; break;
    case 'f': value = 0, width = 6; break;
    case 'w': value = wday, width = 1; break;
    case 'u': value = wday ? wday : 7, width = 1; break;
    case 'U': value = (yday + 6 - wday) / 7; break;
    case 'W': value = (yday + 6 - (wday + 6) % 7) / 7; break;
    case 'V': value = week; break;
    case 'G': value = iso_year, width = 4; break;
    case 'g': value = iso_year % 100; break;
    case 's': value = epoch(t), width = 1; break;
    case 'P': text = t.hour < 12 ? "am" : "pm"; break;
    case 'p': text = t.hour < 12 ? "AM" : "PM"; break;
    case 'A': text = day[wday]; break;
    case 'B': text = month[t.month - 1]; break;
    case 'a': ogi_tv_sb_add(b, day[wday], 3, trusted); return true;
    case 'b':
    case 'h': ogi_tv_sb_add(b, month[t.month - 1], 3, trusted); return true;
    case 'n': text = "\n"; break;
    case 't': text = "\t"; break;
    case 'z':
    case 'Z': text = ""; break; /* local time without a zone, as datetime.now() */
    case '%': text = "%"; break;
    default: return false;
    }
    char number[32];
    if (flag == '-') width = 1;
    if (flag == '_') pad = ' ';
    if (flag == '0') pad = '0';
    if (!text)
        snprintf(number, sizeof number, pad == ' ' ? "%*lld" : "%0*lld", width, (long long)value);
    ogi_tv_sb_puts(b, text ? text : number, trusted);
    return true;
}

static void put_times(tmpl_sb *b, ogi_sv f, tmpl_time t, bool trusted, int level)
{
    static const char *const composed[] = { "D%m/%d/%y",    "x%m/%d/%y",
                                            "F%Y-%m-%d",    "T%H:%M:%S",
                                            "X%H:%M:%S",    "R%H:%M",
                                            "r%I:%M:%S %p", "c%a %b %e %H:%M:%S %Y" };
    for (size_t i = 0; i < f.n && !b->failed && ogi_tv_step(b->h, 8); i++) {
        if (f.p[i] != '%' || i + 1 == f.n) {
            ogi_tv_sb_add(b, f.p + i, 1, trusted);
            continue;
        }
        size_t begin = i;
        char c = f.p[++i], flag = 0;
        if ((c == '-' || c == '_' || c == '0') && i + 1 < f.n) flag = c, c = f.p[++i];
        const char *parts = NULL;
        for (int k = 0; k < OGI_LEN(composed) && level == 0; k++)
            if (composed[k][0] == c) parts = composed[k] + 1;
        if (parts)
            put_times(b, ogi_sv_of(parts), t, trusted, 1);
        else if (!put_time(b, c, flag, t, trusted))
            ogi_tv_sb_add(b, f.p + begin, i + 1 - begin, trusted); /* unknown: as it is */
    }
}

tmpl_val ogi_tv_strftime(tmpl_heap *h, const tmpl_str *format, tmpl_time t)
{
    tmpl_sb b = { .h = h };
    put_times(&b, (ogi_sv){ format->p, format->n }, t, ogi_tv_wholly_trusted(format), 0);
    return ogi_tv_sb_done(&b);
}
