/* SPDX-License-Identifier: MIT
 *
 * Tools whose schema cannot be enforced beside tools whose schema can. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/template_meter.h"
#include "tests/support/toolcall_vocab.h"

#define HARD                                                                                       \
    "{\"name\":\"hard\",\"parameters\":{\"type\":\"object\",\"properties\":{\"word\":{\"type\":"   \
    "\"string\",\"pattern\":\"(?=x)\"},\"list\":{\"type\":\"array\",\"contains\":{}}},"            \
    "\"required\":[\"word\"]}}"
#define PLAIN                                                                                      \
    "{\"name\":\"plain\",\"parameters\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":"     \
    "\"integer\"}},\"required\":[\"n\"]}}"
#define TOOLS "[" HARD "," PLAIN "]"

typedef struct free_case {
    ogt_meter meter;
    og_ctx *ctx;
    og_grammar *g;
    og_matcher *m;
} free_case;

static void open_case(free_case *c, const char *format, const char *tools)
{
    const ogi_toolcall_choice choice = { .kind = OGI_TOOLCALL_AUTO };
    *c = (free_case){ 0 };
    c->ctx = ogt_meter_ctx(&c->meter);
    og_status s =
        ogi_toolcall_grammar(c->ctx, ogi_toolcall_format_find(format), tools, &choice, NULL, &c->g);
    cr_assert(s == OG_OK, "%s: %s", format, og_error(c->ctx));
    cr_assert(!*og_error(c->ctx));
    cr_assert(og_matcher_new(c->g, c->ctx, &c->m) == OG_OK);
}

static void close_case(free_case *c)
{
    og_matcher_free(c->m);
    og_grammar_free(c->g);
    og_ctx_free(c->ctx);
    cr_expect(c->meter.live == 0);
}

#define HERMES(name, arguments)                                                                    \
    "<tool_call>\n{\"name\": \"" name "\", \"arguments\": " arguments "}\n</tool_call>"

Test(toolcall_free, one_tool_that_cannot_be_enforced_leaves_the_others_as_they_are)
{
    free_case c;
    open_case(&c, "hermes", TOOLS);
    cr_expect(ogt_accepts(c.m, HERMES("plain", "{\"n\": 5}")));
    cr_expect(!ogt_accepts(c.m, HERMES("plain", "{\"n\": \"a\"}")));
    cr_expect(!ogt_accepts(c.m, HERMES("other", "{}")));
    close_case(&c);
}

Test(toolcall_free, its_arguments_are_any_object_and_it_is_told)
{
    free_case c;
    open_case(&c, "hermes", TOOLS);
    cr_expect(ogt_accepts(c.m, HERMES("hard", "{\"word\": \"abc\", \"list\": [], \"x\": 1}")));
    cr_expect(ogt_accepts(c.m, HERMES("hard", "{}")));
    cr_expect(!ogt_accepts(c.m, HERMES("hard", "[]")));
    cr_expect(strstr(c.meter.log, "tool 'hard' are left free") &&
                  strstr(c.meter.log, "properties/word/pattern") && !strstr(c.meter.log, "plain"),
              "%s", c.meter.log);
    close_case(&c);
}

#define XML(name, rest) "<tool_call>\n<function=" name ">\n" rest "</function>\n</tool_call>"

Test(toolcall_free, parameters_between_marks_keep_their_names_and_kinds)
{
    free_case c;
    open_case(&c, "qwen-xml", TOOLS);
    cr_expect(ogt_accepts(c.m, XML("plain", "<parameter=n>\n5\n</parameter>\n")));
    cr_expect(!ogt_accepts(c.m, XML("plain", "<parameter=n>\na\n</parameter>\n")));
    cr_expect(ogt_accepts(c.m, XML("hard", "<parameter=word>\nabc\n</parameter>\n"
                                           "<parameter=list>\n[1]\n</parameter>\n")));
    cr_expect(!ogt_accepts(c.m, XML("hard", "<parameter=other>\n1\n</parameter>\n")));
    close_case(&c);
}

Test(toolcall_free, limits_of_the_automaton_count_as_well)
{
    free_case c;
    open_case(&c, "hermes",
              "[" PLAIN ",{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{"
              "\"a\":{\"type\":\"string\",\"pattern\":\"^a{5}$\",\"maxLength\":3}}}}]");
    cr_expect(ogt_accepts(c.m, HERMES("f", "{\"a\": \"b\"}")));
    cr_expect(!ogt_accepts(c.m, HERMES("plain", "{\"n\": \"a\"}")));
    cr_expect(strstr(c.meter.log, "tool 'f'"), "%s", c.meter.log);
    close_case(&c);
}
