/* SPDX-License-Identifier: MIT
 *
 * The template language: what the golden cases do not cover, origin of text, errors, and templates
 * that mean harm. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "tests/support/template_meter.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SLOWER = 10 };
#else
enum { SLOWER = 1 };
#endif

static void expect(const char *source, const char *context, const char *want)
{
    char *got = ogt_render(source, context);
    cr_expect(got && !strcmp(got, want), "%s\n  gives %s\n  not   %s", source, got, want);
    free(got);
}

static void expect_error(const char *source, const char *context, const char *part)
{
    char *got = ogt_render(source, context);
    cr_expect(got && !strncmp(got, "error: ", 7) && strstr(got, part), "%s\n  gives %s\n  not %s",
              source, got, part);
    free(got);
}

/* ---- numbers ---- */

Test(template, integers_have_no_limit_of_size)
{
    expect("{{ 2 ** 200 }}", "{}", "1606938044258990275541962092341162602522202993782792835301376");
    expect("{{ 9223372036854775807 + 1 }}|{{ -9223372036854775808 - 1 }}", "{}",
           "9223372036854775808|-9223372036854775809");
    expect("{{ (10**40) // (10**20 + 7) }}|{{ (10**40) % (10**20 + 7) }}", "{}",
           "99999999999999999993|49");
    expect("{{ -(10**30) // 7 }}|{{ -(10**30) % 7 }}", "{}", "-142857142857142857142857142858|6");
    expect("{{ (2**64) * (2**64) == 2**128 }}|{{ 2**70 > 1e20 }}|{{ (2**64) is integer }}", "{}",
           "True|True|True");
    expect("{{ x + 1 }}|{{ x | tojson }}", "{\"x\": 123456789012345678901234567890}",
           "123456789012345678901234567891|123456789012345678901234567890");
    expect("{{ '%x' % (2**80) }}|{{ 1e22 | int }}", "{}",
           "100000000000000000000|10000000000000000000000");
}

Test(template, long_division_adds_back)
{
    /* the quotient digit is first guessed one too large (Knuth's D6) */
    expect("{{ (2**128 - 1) // (2**96 - 2**64 + 2**32) }}", "{}", "4294967296");
    expect("{{ (0x7fffffff800000000000000000000000) // (0x800000000000000000000001) }}", "{}",
           "4294967294");
}

Test(template, floats_print_as_python_prints_them)
{
    expect("{{ 1e15 }}|{{ 1e16 }}|{{ 123456789.125 }}|{{ 0.0001 }}|{{ 0.00001 }}|{{ 5e-324 }}",
           "{}", "1000000000000000.0|1e+16|123456789.125|0.0001|1e-05|5e-324");
    expect("{{ -0.0 }}|{{ 1e308 * 10 }}|{{ 7.0 // 2 }}|{{ -7.5 % 2 }}", "{}", "-0.0|inf|3.0|0.5");
}

/* ---- language ---- */

Test(template, recursive_loops_call_themselves)
{
    expect("{% for x in l recursive %}{% if x is iterable %}[{{ loop(x) }}]{% else %}"
           "{{ x }}@{{ loop.depth }} {% endif %}{% endfor %}",
           "{\"l\": [1, [2, [3]], 4]}", "1@1 [2@2 [3@3 ]]4@1 ");
}

Test(template, macros_see_the_scope_they_were_written_in)
{
    expect("{% set x = 1 %}{% macro f() %}{{ x }}{% endmacro %}{% set x = 2 %}{{ f() }}", "{}",
           "2");
    expect("{% for i in [1, 2] %}{% macro f() %}{{ i }}{% endmacro %}{{ f() }}{% endfor %}", "{}",
           "12");
    expect("{% macro f(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ f(1, 2, b=3) }}", "{}",
           "1(2,){'b': 3}");
    expect("{% macro l(x) %}<{{ caller(x) }}>{% endmacro %}"
           "{% call(i) l(5) %}{{ i + 1 }}{% endcall %}",
           "{}", "<6>");
}

Test(template, lists_and_dictionaries_can_grow)
{
    expect("{% set q = [] %}{% set _ = q.append(1) %}{% set _ = q.extend([2, 3]) %}{{ q.pop() }}"
           "{{ q }}",
           "{}", "3[1, 2]");
    expect(
        "{% set d = {} %}{% for i in range(20) %}{% set _ = d.update({'k' ~ i: i}) %}{% endfor %}"
        "{{ d.pop('k3') }}{{ d.k19 }}{{ d | length }}{{ 'k3' in d }}",
        "{}", "31919False");
}

Test(template, newlines_of_any_kind_are_one)
{
    expect("a\r\nb\rc\n", "{}", "a\nb\nc");
    expect("{% if true %}\r\nx{% endif %}\r\n", "{}", "x");
}

Test(template, strings_that_share_a_buffer_do_not_see_one_another)
{
    expect("{% set a = 'x' * 300 ~ 'y' %}{% set b = a ~ '1' %}{% set c = a ~ '2' %}"
           "{% set d = b + '3' %}{{ a[-2:] }}{{ b[-2:] }}{{ c[-2:] }}{{ d[-3:] }}{{ a | length }}",
           "{}", "xyy1y2y13301");
    expect("{% macro f(s) %}{{ (s ~ 'F')[-2:] }}{% endmacro %}{% set a = 'x' * 300 ~ 'y' %}"
           "{{ (a ~ f(a) ~ a[-1:])[-5:] }}",
           "{}", "xyyFy");
    expect("{% set a = 'x' * 300 ~ c %}{{ (a + a)[-3:] }}{{ a | length }}", "{\"c\": \"!\"}",
           "xx!301");
}

Test(template, texts_may_be_built_piece_by_piece)
{
    char *got = ogt_render("{% set ns = namespace(t='', u='') %}{% for i in range(20000) %}"
                           "{% set ns.t = ns.t ~ 'a piece of text of some length, ' ~ c %}"
                           "{% set ns.u = ns.u + 'b' + c %}"
                           "{% endfor %}{{ ns.t | length }},{{ ns.u | length }}",
                           "{\"c\": \"d\"}");
    cr_expect(!strcmp(got, "660000,40000"), "%s", got);
    free(got);
}

Test(template, markup_escapes_what_is_added_to_it)
{
    expect("{{ ('<b>' | safe) + '<i>' }}|{{ '<i>' + ('<b>' | e) }}", "{}",
           "<b>&lt;i&gt;|&lt;i&gt;&lt;b&gt;");
}

/* ---- what Python does, found by comparing with it ---- */

Test(template_python, division_rounds_once)
{
    expect("{{ 12345678901234567890 / 100 }}|{{ 1000 / 12345678901234567890 }}", "{}",
           "1.2345678901234568e+17|8.1000000729e-17");
    expect("{{ 0 / -5 }}|{{ false // -2.5 }}|{{ -7.5 // 2 }}|{{ 3 / 2 }}", "{}",
           "-0.0|-0.0|-4.0|1.5");
    expect("{{ (2 ** 64 + 2 ** 11 + 1) | float }}", "{}", "1.8446744073709556e+19");
}

Test(template_python, numbers_are_read_in_any_script)
{
    expect("{{ '１２' | int }}|{{ ' ٣.٥ ' | float }}|{{ '1_000' | int }}|{{ '1__0' | int(7) }}",
           "{}", "12|3.5|1000|7");
    expect("{{ '0x_1f' | int(0, 16) }}|{{ '012' | int(5, 0) }}|{{ '1_0.5' | float }}", "{}",
           "31|12|10.5");
    expect_error("{{ 'inf' | int }}", "{}", "infinity");
}

Test(template_python, rounding_of_integers_is_exact)
{
    expect("{{ 12345678901234567890 | round(-1) }}|{{ 25 | round(-1) }}|{{ -15 | round(-1) }}",
           "{}", "12345678901234567890|20|-20");
    expect("{{ -0.5 | round(0, 'ceil') }}", "{}", "0.0");
}

Test(template_python, percent_formats)
{
    expect("{{ '%.3d|%#.4x|%05.3d|%ld|%%' % (7, 255, -7, 5) }}", "{}", "007|0x00ff|-0007|5|%");
    expect("{{ '%a|%r|%-5.1c|' % ('é', 'é', 'q') }}", "{}", "'\\xe9'|'é'|q    |");
    expect("{{ '%#.0g|%#.2g|%F' % (1, 0.1, 1e400) }}", "{}", "1.|0.10|INF");
    expect_error("{{ '%x' % 1.5 }}", "{}", "an integer is required");
    expect_error("{{ '%5%' % 1 }}", "{}", "unsupported format character");
}

Test(template_python, brace_formats)
{
    expect("{{ '{:,}|{:_x}|{:010,}|{:,.2f}|{:c}'.format(1234567, 0xabcdef, 1234, 9876.5, 65) }}",
           "{}", "1,234,567|ab_cdef|00,001,234|9,876.50|A");
    expect("{{ '{:5}|{:05}|{:>{}}|{!a}|{:#06x}'.format(true, 'a', 'b', 4, 'é', 255) }}", "{}",
           "    1|a0000|   b|'\\xe9'|0x00ff");
    expect("{{ '{:.1}|{:.3}|{:.0}'.format(2.0, 2.0, 3.7) }}|{{ '{0[a:b]}'.format({'a:b': 1}) }}",
           "{}", "2e+00|2.0|4e+00|1");
    expect_error("{{ '{}{0}'.format(1) }}", "{}", "cannot be mixed");
    expect_error("{{ '{:+}'.format('a') }}", "{}", "does not suit str");
    expect_error("{{ '{:5}'.format([1]) }}", "{}", "takes no specification");
    expect_error("{{ '{:.2}'.format(1) }}", "{}", "a precision does not suit int");
    expect_error("{{ '{:,x}'.format(1) }}", "{}", "',' does not suit int");
}

Test(template_python, times_have_glibc_conversions)
{
    expect("{{ strftime_now('%Q é %') }}", "{}", "%Q é %");
    char *got = ogt_render("{{ strftime_now('%G-%V %P %s') | length > 15 }}", "{}");
    cr_expect(got && !strcmp(got, "True"), "%s", got);
    free(got);
}

Test(template_python, a_round_ended_by_a_jump_does_not_count_for_else)
{
    expect("{% for x in [1] %}{% continue %}{% else %}E{% endfor %}", "{}", "E");
    expect("{% for x in [1] %}{% break %}{% else %}E{% endfor %}", "{}", "E");
    expect("{% for x in [1, 2] %}{% if x == 2 %}{% break %}{% endif %}{% else %}E{% endfor %}",
           "{}", "");
}

Test(template_python, macros_take_each_argument_once)
{
    expect_error("{% macro f(x) %}{% endmacro %}{{ f(1, x=2) }}", "{}", "no keyword argument 'x'");
    expect_error("{% macro f() %}{% endmacro %}{% call f() %}{% endcall %}", "{}", "caller");
    expect("{% macro f(a) %}{% macro g() %}{{ kwargs }}{% endmacro %}{% endmacro %}"
           "[{{ f(1, z=2) }}]",
           "{}", "[]");
}

Test(template_python, blocks_have_scopes_of_their_own)
{
    expect("{% generation %}{% set x = 1 %}{{ x }}{% endgeneration %}[{{ x }}]", "{}", "1[]");
    expect_error("{% filter length %}abc{% endfilter %}", "{}", "must give a str");
}

Test(template_python, unknown_filters_are_told_where_no_condition_guards_them)
{
    expect("{{ 1 | nothing if false }}|{% if false %}{{ 1 | nothing }}{% endif %}", "{}", "|");
    expect_error("{% if false %}{% for x in [] %}{{ 1 | nothing }}{% endfor %}{% endif %}", "{}",
                 "1:39: No filter named 'nothing'");
    expect_error("{{ 1 is nothing }}", "{}", "1:9: No test named 'nothing'");
}

Test(template_python, sequences)
{
    expect("{{ [1, 2] | slice(2, 'f') | list }}", "{}", "[[1, 'f'], [2, 'f']]");
    expect("{{ range(5)[1:4] }}|{{ range(9)[::-2] }}", "{}", "range(1, 4)|range(8, -1, -2)");
    expect("{{ [{}, [5]] | map(attribute=0, default='D') | list }}", "{}", "['D', 5]");
    expect("{{ '  a b ' .rsplit(none, 1) }}|{{ nobody is callable }}", "{}", "['  a', 'b']|True");
    expect_error("{{ dict(nobody) }}", "{}", "'nobody' is undefined");
    expect_error("{% set x, = [1] %}", "{}", "expected a name");
}

Test(template_python, cases_of_letters)
{
    expect("{{ 'αΣ' | title }}|{{ 'αΣ'.title() }}|{{ 'ŉ'.title() }}|{{ 'ß'.casefold() }}", "{}",
           "Ασ|Ας|ʼN|ss");
    expect("{{ 'ΑΣ'[1:] | lower }}|{{ 'ΑΣ' | title }}|{{ 'aǅ'.islower() }}", "{}", "σ|Ασ|False");
    expect("{{ 'e\u0301'.isidentifier() }}", "{}", "True");
}

Test(template_python, cyclers_and_joiners)
{
    expect("{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}"
           "{% set _ = c.reset() %}{{ c.current }}",
           "{}", "ababa");
    expect("{% set j = joiner('|') %}{% for i in [1, 2, 3] %}{{ j() }}{{ i }}{% endfor %}", "{}",
           "1|2|3");
}

/* ---- errors ---- */

Test(template, errors_point_at_line_and_column)
{
    expect_error("ab\n  {{ x.y }}", "{}", "t:2:8: 'x' is undefined");
    expect_error("a\n{% if %}", "{}", "t:2:7: expected an expression");
    expect_error("\xc3\xa9\xc3\xa9{{ 1 / 0 }}", "{}", "t:1:8: division by zero");
    expect_error("{% macro f() %}\n{{ 'a' + 1 }}{% endmacro %}{{ f() }}", "{}",
                 "t:2:8: can only concatenate str (not \"int\") to str");
    expect_error("{% for x in y %}", "{}", "unexpected end of template, expected one of 'else'");
    expect_error("{% include 'x' %}", "{}", "'include' is not supported");
    expect_error("{{ \xff }}", "{}", "t:1:4: the template is not valid UTF-8");
}

Test(template, contexts_must_be_json_objects)
{
    expect_error("x", "[]", "a JSON object, not list");
    expect_error("x", "{\"a\": 1,}", "context:1:9: malformed JSON: a key in quotes");
    expect_error("x", "{\"a\": \"\\ud800\"}", "a valid escape");
    expect_error("x", "{\"a\": 01}", "begins with 0");
    expect_error("x", "{\"a\": \"\xc0\x80\"}", "not valid UTF-8");
    expect("{{ a }}", "{\"a\": \"\\ud83d\\udc4d\\u0041\"}",
           "\xf0\x9f\x91\x8d"
           "A");
}

/* ---- origin ---- */

/* Bytes of the rendering that count as written by the template, then those that do not. */
static void expect_origin(const char *source, const char *context, const char *trusted,
                          const char *rest)
{
    og_ctx *ctx = NULL;
    og_template_text text;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    cr_assert(ogt_render_text(ctx, source, strlen(source), context, &text) == OG_OK, "%s",
              og_error(ctx));
    char *a = ogt_spans_text(&text, true), *b = ogt_spans_text(&text, false);
    cr_expect(!strcmp(a, trusted) && !strcmp(b, rest), "%s\n  gives '%s' + '%s'\n  not '%s' + '%s'",
              source, a, b, trusted, rest);
    free(a), free(b);
    og_template_text_free(ctx, &text);
    og_ctx_free(ctx);
}

Test(template, text_of_the_context_is_not_trusted)
{
    const char *c = "{\"c\": \"msg\", \"bos_token\": \"<s>\", \"eos_token\": \"</s>\"}";
    expect_origin("{{ bos_token }}[{{ c }}]{{ eos_token }}", c, "<s>[]</s>", "msg");
    expect_origin("{{ '<' ~ c ~ '>' }}", c, "<>", "msg");
    expect_origin("{{ '<' + c + '>' }}", c, "<>", "msg");
    expect_origin("{{ '<%s>' % c }}|{{ '<{}>'.format(c) }}", c, "<>|<>", "msgmsg");
    expect_origin("{{ ['<', c] | join('-') }}", c, "<-", "msg");
    expect_origin("{% set x %}<{{ c }}>{% endset %}{{ x }}", c, "<>", "msg");
    expect_origin("{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(c) }}", c, "<>", "msg");
}

Test(template, methods_and_filters_keep_the_origin)
{
    const char *c = "{\"c\": \"m sg\"}";
    expect_origin("{{ ('<' ~ c ~ '>') | upper }}", c, "<>", "M SG");
    expect_origin("{{ ('<' ~ c ~ '>')[1:3] }}", c, "", "m ");
    expect_origin("{{ ('<' ~ c ~ '>')[::-1] }}", c, "><", "gs m");
    expect_origin("{{ ('<' ~ c ~ '>').replace('m', '!') }}", c, "<!>", " sg");
    expect_origin("{{ ('<' ~ c ~ '>').split(' ') | join('_') }}", c, "<_>", "msg");
    expect_origin("{{ ('  ' ~ c ~ '  ').strip() | title }}", c, "", "M Sg");
    expect_origin("{{ (c ~ '\\n' ~ c) | indent(2) }}", c, "\n  ", "m sgm sg");
    expect_origin("{{ ('<' ~ c) | reverse }}", c, "<", "gs m");
    expect_origin("{{ [c, '<'] | map('upper') | join }}", c, "<", "M SG");
    expect_origin("{{ c | replace('m', '<m>') }}", c, "<m>", " sg");
    expect_origin("{{ ('a' ~ c) | e | center(9) }}", c, "  a  ", "m sg");
}

Test(template, printed_values_keep_the_origin)
{
    const char *c = "{\"d\": {\"k\": \"v\", \"n\": [1, true]}, \"c\": \"x\"}";
    expect_origin("{{ d | tojson }}", c, "", "{\"k\": \"v\", \"n\": [1, true]}");
    expect_origin("{{ d }}", c, "", "{'k': 'v', 'n': [1, True]}");
    expect_origin("{{ {'<a>': c} | tojson }}", c, "{\"<a>\": }", "\"x\"");
    expect_origin("{{ ['<a>', c] }}", c, "['<a>', ]", "'x'");
    expect_origin("{% for k in d %}<{{ k }}>{% endfor %}{{ d.n[0] + 1 }}{{ d | length }}", c,
                  "<><>2", "kn2");
}

Test(template, usual_roles_are_trusted_and_no_others)
{
    const char *c = "{\"messages\": [{\"role\": \"user\", \"content\": \"user\"},"
                    "{\"role\": \"im_end\", \"content\": \"\"}]}";
    expect_origin("{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}", c,
                  "<|user|><||>", "userim_end");
}

Test(template, text_tells_whether_it_begins_with_bos)
{
    static const struct {
        const char *source, *context;
        bool has_bos;
    } cases[] = {
        { "{{ bos_token }}x", "{\"bos_token\": \"<s>\"}", true },
        { "<s>x", "{\"bos_token\": \"<s>\"}", true },
        { " {{ bos_token }}", "{\"bos_token\": \"<s>\"}", false },
        { "{{ c }}", "{\"bos_token\": \"<s>\", \"c\": \"<s>x\"}", false },
        { "<{{ c }}", "{\"bos_token\": \"<s>\", \"c\": \"s>x\"}", false },
        { "x", "{\"bos_token\": \"\"}", false },
        { "", "{\"bos_token\": \"<s>\"}", false },
    };
    for (int i = 0; i < OGI_LEN(cases); i++) {
        og_ctx *ctx = NULL;
        og_template_text text;
        cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
        cr_assert(ogt_render_text(ctx, cases[i].source, strlen(cases[i].source), cases[i].context,
                                  &text) == OG_OK);
        cr_expect(text.has_bos == cases[i].has_bos, "case %d", i);
        og_template_text_free(ctx, &text);
        og_ctx_free(ctx);
    }
}

/* ---- harm ---- */

/* before, n times part, after: ends within a second and 100 MB; with an error if must_fail. */
static void survive(const char *before, const char *part, int n, const char *after, bool must_fail,
                    const char *context)
{
    ogt_meter meter = { 0 };
    og_ctx *ctx = ogt_meter_ctx(&meter);
    ogi_buf source = { .ctx = ctx };
    ogi_buf_puts(&source, before);
    for (int i = 0; i < n; i++) ogi_buf_puts(&source, part);
    ogi_buf_puts(&source, after);
    og_template_text text;
    clock_t start = clock();
    og_status status = ogt_render_text(ctx, ogi_buf_str(&source), source.n, context, &text);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    cr_expect(!must_fail || status != OG_OK, "%s %s... is rendered", before, part);
    cr_expect(seconds < 1.0 * SLOWER, "%s %s... takes %.2f s", before, part, seconds);
    cr_expect(meter.peak < 100 << 20, "%s %s... takes %lld bytes", before, part,
              (long long)meter.peak);
    og_template_text_free(ctx, &text);
    ogi_buf_free(&source);
    og_ctx_free(ctx);
    cr_expect(meter.live == 0, "%s: %lld bytes are not freed", before, (long long)meter.live);
}

Test(template_harm, deep_nesting_is_an_error)
{
    survive("{{ ", "(", 60000, "", true, "{}");
    survive("{{ ", "[", 60000, "", true, "{}");
    survive("{{ ", "{1:", 60000, "", true, "{}");
    survive("{{ ", "-", 60000, "1 }}", true, "{}");
    survive("{{ ", "not ", 60000, "1 }}", true, "{}");
    survive("{{ ", "f(", 60000, "", true, "{}");
    survive("{{ ", "a[", 60000, "", true, "{}");
    survive("{{ 1", "+1", 60000, " }}", true, "{}");
    survive("{{ a", ".a", 60000, " }}", true, "{}");
    survive("{{ 1", "|int", 60000, " }}", true, "{}");
    survive("{{ 1", " if 1 else 1", 60000, " }}", true, "{}");
    survive("", "{% if 1 %}", 60000, "", true, "{}");
    survive("", "{% for a in b %}", 60000, "", true, "{}");
    survive("", "{% macro m() %}", 60000, "", true, "{}");
    survive("{% if 0 %}", "{% elif 0 %}", 60000, "{% endif %}", false, "{}");
    survive("{{ 1", "~1", 60000, " }}", false, "{}");
}

Test(template_harm, deep_contexts_are_errors)
{
    char *deep = malloc(200000);
    strcpy(deep, "{\"a\": ");
    memset(deep + 6, '[', 60000);
    deep[60006] = 0;
    survive("", "", 0, "{{ a }}", true, deep);
    for (int i = 0; i < 60000; i += 5) memcpy(deep + i + 6, "{\"a\":", 5);
    survive("", "", 0, "{{ a }}", true, deep);
    free(deep);
}

Test(template_harm, deep_values_are_errors)
{
    const char *grow = "{% set ns = namespace(x=[]) %}{% for i in range(60000) %}"
                       "{% set ns.x = [ns.x] %}{% endfor %}";
    survive(grow, "", 0, "{{ ns.x }}", true, "{}");
    survive(grow, "", 0, "{{ ns.x | tojson }}", true, "{}");
    survive(grow, "", 0, "{{ ns.x == [ns.x] }}", true, "{}");
    survive("{% set l = [] %}{% set _ = l.append(l) %}", "", 0, "{{ l }}", true, "{}");
    survive("{% set d = {} %}{% set _ = d.update({'a': d}) %}", "", 0, "{{ d | tojson }}", true,
            "{}");
    survive("{% set ns = namespace() %}{% set ns.x = ns %}", "", 0, "{{ ns }}", true, "{}");
}

Test(template_harm, endless_work_is_an_error)
{
    survive("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "", 0,
            "", true, "{}");
    survive("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "", 0, "", true, "{}");
    survive("{% macro f(x) %}{{ f(x) }}{{ f(x) }}{% endmacro %}{{ f(1) }}", "", 0, "", true, "{}");
    survive("{% set l = [1] %}{% for x in l %}{% set _ = l.append(x) %}{% endfor %}", "", 0, "",
            true, "{}");
    survive(
        "{% set q = 'a' * 1000000 %}{% for i in range(99999) %}{{ (q ~ 'b') in q }}{% endfor %}",
        "", 0, "", true, "{}");
    survive("{% set q = 'ab' * 100000 %}{% for i in range(99999) %}"
            "{{ q.count('ab' * 50000 ~ 'c') }}{% endfor %}",
            "", 0, "", true, "{}");
    survive("{% set q = 'a ' * 500000 %}{% for i in range(99999) %}{{ q.rfind('b') }}{% endfor %}",
            "", 0, "", true, "{}");
    survive("{% set q = range(99999) | list %}{% for i in range(9999) %}{{ 'x' in q }}{% endfor %}",
            "", 0, "", true, "{}");
    survive("{% set q = range(9999) | map('string') | list %}{% for i in range(9999) %}"
            "{{ q | sort | length }}{% endfor %}",
            "", 0, "", true, "{}");
}

Test(template_harm, large_results_are_errors)
{
    survive("{{ 'a' * 10**10 }}", "", 0, "", true, "{}");
    survive("{{ [1] * 10**10 }}", "", 0, "", true, "{}");
    survive("{{ 10 ** (10 ** 10) }}", "", 0, "", true, "{}");
    survive("{{ 10 ** 100000 }}", "", 0, "", true, "{}");
    survive("{% set ns = namespace(x=3) %}{% for i in range(99) %}{% set ns.x = ns.x * ns.x %}"
            "{% endfor %}",
            "", 0, "", true, "{}");
    survive("{% set ns = namespace(x='a') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}"
            "{% endfor %}",
            "", 0, "", true, "{}");
    survive("{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}"
            "{% endfor %}{{ ns.x }}",
            "", 0, "", true, "{}");
    survive("{{ 'a'.ljust(10**12) }}", "", 0, "", true, "{}");
    survive("{{ 'a' | center(10**12) }}", "", 0, "", true, "{}");
    survive("{{ '%999999999d' % 1 }}", "", 0, "", true, "{}");
    survive("{{ '{:>999999999}'.format(1) }}", "", 0, "", true, "{}");
    survive("{{ ('a' * 100000).replace('', 'b' * 100000) }}", "", 0, "", true, "{}");
    survive("{{ (('a' * 10000) | list) | join('b' * 100000) }}", "", 0, "", true, "{}");
    survive("{{ range(10**9) | list }}", "", 0, "", true, "{}");
    survive("{{ [1] | batch(10**9, 0) | list }}", "", 0, "", true, "{}");
    survive("{{ [1] | slice(10**9) | list }}", "", 0, "", true, "{}");
    survive("{{ [[[1]]] | tojson(indent=10**9) }}", "", 0, "", true, "{}");
    survive("{{ 'a\tb'.expandtabs(10**12) }}", "", 0, "", true, "{}");
}

Test(template_harm, large_templates_are_bounded)
{
    survive("", "{{a}}", 200000, "", true, "{}");
    survive("", "{{[[],[],[],[],[]]}}", 50000, "", false, "{}");
    survive("{{ '", "a", 3000000, "' }}", true, "{}");
    survive("{{ ", "9", 60000, " }}", true, "{}");
    survive("{{ 1e", "9", 60000, " }}", false, "{}");
    survive("", "{#", 60000, "", true, "{}");
    survive("", "{% raw %}", 60000, "", true, "{}");
    survive("", "{%- raw ", 60000, "", true, "{}");
    survive("{{ ", "'\\", 60000, "", true, "{}");
}

/* Whatever allocation fails: a clean error, nothing left behind. */
Test(template_harm, every_allocation_may_fail)
{
    const char *source =
        "{% macro f(x) %}<{{ x | upper }}>{% endmacro %}{% set ns = namespace(v=0) %}"
        "{% for m in messages %}{{ f(m.content) }}{% set ns.v = ns.v + 2**70 %}"
        "{{ m | tojson }}{{ '%s' % ns.v }}{% endfor %}{{ messages | map(attribute="
        "'role') | unique | sort | join(',') }}";
    const char *context = "{\"messages\": [{\"role\": \"user\", \"content\": \"a\\n\"}, "
                          "{\"role\": \"tool\", \"content\": \"b\"}]}";
    og_status status = OG_E_MEMORY;
    for (int64_t n = 1; status != OG_OK && n < 1000; n++) {
        ogt_meter meter = { .fail_at = n };
        og_template_text text;
        og_ctx *ctx = ogt_meter_ctx(&meter);
        if (!ctx) continue;
        status = ogt_render_text(ctx, source, strlen(source), context, &text);
        cr_expect(status == OG_OK || status == OG_E_MEMORY, "allocation %lld: status %d",
                  (long long)n, (int)status);
        og_template_text_free(ctx, &text);
        og_ctx_free(ctx);
        cr_expect(meter.live == 0, "allocation %lld: %lld bytes are left", (long long)n,
                  (long long)meter.live);
    }
    cr_assert(status == OG_OK);
}
