/* SPDX-License-Identifier: MIT
 *
 * Strings that calls write as they are, between marks: what their schemas make of texts. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/toolcall_vocab.h"

static const ogi_toolcall_choice choose_auto = { .kind = OGI_TOOLCALL_AUTO };

#define TOOL(property)                                                                             \
    "[{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":" property "}}}]"

/* What the schema makes of a text between the marks: refused, or read as this JSON. */
typedef struct plain_case {
    const char *schema, *text, *read; /* read NULL: refused */
} plain_case;

#define SIZED    "{\"type\":\"string\",\"minLength\":2,\"maxLength\":4}"
#define NULLABLE "{\"type\":[\"string\",\"null\"],\"minLength\":1}"
#define OPTIONAL "{\"anyOf\":[{\"type\":\"string\",\"pattern\":\"^a*$\"},{\"type\":\"null\"}]}"

static const plain_case everywhere[] = {
    { SIZED, "ab", "\"ab\"" },
    { SIZED, "a", NULL },
    { SIZED, "", NULL },
    { SIZED, "abcde", NULL },
    { SIZED, "\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\"" },
    { SIZED, "\xf0\x9f\x98\x80", NULL },
    { SIZED, "a\n\nb", "\"a\\n\\nb\"" },
    { SIZED, "<</", "\"<</\"" },
    { SIZED, "12", "\"12\"" },
    { "{\"type\":\"string\",\"minLength\":1}", "{\"a\": 1} </p> ]", "\"{\\\"a\\\": 1} </p> ]\"" },
    { "{\"type\":\"string\",\"pattern\":\"^[a-z]+$\"}", "abc", "\"abc\"" },
    { "{\"type\":\"string\",\"pattern\":\"^[a-z]+$\"}", "abC", NULL },
    { "{\"type\":\"string\",\"pattern\":\"x\"}", "a</x>", "\"a</x>\"" },
    { "{\"type\":\"string\",\"pattern\":\"x\"}", "a</y>", NULL },
    { "{\"type\":\"string\",\"pattern\":\"^a|b$\",\"maxLength\":3}", "xyb", "\"xyb\"" },
    { "{\"type\":\"string\",\"pattern\":\"^a|b$\",\"maxLength\":3}", "xyzb", NULL },
    { "{\"type\":\"string\",\"allOf\":[{\"minLength\":2},{\"pattern\":\"^q\"}]}", "q1", "\"q1\"" },
    { "{\"type\":\"string\",\"allOf\":[{\"minLength\":2},{\"pattern\":\"^q\"}]}", "q", NULL },
    { "{\"type\":\"string\",\"anyOf\":[{\"const\":\"x\"},{\"const\":\"y\"}]}", "y", "\"y\"" },
    { "{\"type\":\"string\",\"anyOf\":[{\"const\":\"x\"},{\"const\":\"y\"}]}", "z", NULL },
    { "{\"enum\":[\"aa\",\"b\"],\"minLength\":2}", "aa", "\"aa\"" },
    { "{\"enum\":[\"aa\",\"b\"],\"minLength\":2}", "b", NULL },
    { "{\"enum\":[\"1\",\"null\"]}", "null", "\"null\"" },
    { "{\"type\":\"string\",\"format\":\"time\",\"maxLength\":9}", "10:00:00Z", "\"10:00:00Z\"" },
    { "{\"type\":\"string\",\"format\":\"time\",\"maxLength\":9}", "10:00:00.000Z", NULL },
    { NULLABLE, "a", "\"a\"" },
    { NULLABLE, "5", "\"5\"" },
    { NULLABLE, "", NULL },
    { OPTIONAL, "aa", "\"aa\"" },
    { OPTIONAL, "ab", NULL },
};

/* Where text is between marks alone: Gemma puts quotes around strings, and DSML says which they
 * are. */
static const plain_case unquoted[] = {
    { NULLABLE, "null", "null" },
    { OPTIONAL, "null", "null" },
    { "{\"enum\":[\"a\",null]}", "null", "null" },
    { "{\"enum\":[\"a\",\"null\"],\"type\":[\"string\",\"null\"]}", "null", "\"null\"" },
    { "{\"type\":[\"integer\",\"string\"]}", "5", "5" },
    { "{\"type\":[\"integer\",\"string\"]}", "\"5\"", "\"5\"" },
    { "{\"type\":[\"integer\",\"string\"]}", "x", NULL },
};

/* Where one line break on either side is none of the text's. */
static const plain_case in_lines[] = {
    { SIZED, "\nab\n", "\"ab\"" },         { SIZED, "\na\n", NULL },
    { SIZED, "\n\na\n\n", "\"\\na\\n\"" }, { SIZED, "\n\n", NULL },
    { SIZED, "\nabcd\n", "\"abcd\"" },     { SIZED, "\nabcde\n", NULL },
    { NULLABLE, "\nnull\n", "null" },      { NULLABLE, "\n\n\n", "\"\\n\"" },
};

#define PLAIN_XML(open, close) open "<function=f>\n<parameter=a>%</parameter>\n</function>\n" close
#define BAR                    "\xef\xbd\x9c"
#define DSML                   BAR "DSML" BAR

static void check_plain(const char *format, const char *call, const plain_case *c)
{
    char tools[1000], text[1000], want[200];
    bool complete;
    snprintf(tools, sizeof tools, TOOL("%s"), c->schema);
    const char *hole = strchr(call, '%');
    snprintf(text, sizeof text, "%.*s%s%s", (int)(hole - call), call, c->text, hole + 1);
    snprintf(want, sizeof want, "{\"a\": %s}", c->read ? c->read : "");
    ogt_constrained x = ogt_constrain(format, tools, choose_auto, NULL);
    size_t taken = ogt_feed_text(x.m, text, &complete);
    bool is_taken = taken == strlen(text) && complete;
    cr_expect(is_taken == (c->read != NULL), "%s, %s: '%s' is %s", format, c->schema, text,
              is_taken ? "taken" : "refused");
    ogt_heard h = ogt_read_calls_of(ogi_toolcall_format_find(format), tools, text, strlen(text));
    if (c->read)
        cr_expect(!strcmp(h.arguments, want), "%s, %s: '%s' is read as %s", format, c->schema, text,
                  h.arguments);
    ogt_constrained_free(&x);
}

Test(toolcall_plain, plain_strings_keep_patterns_and_lengths)
{
    static const struct {
        const char *format, *call;
        bool is_unquoted, has_lines;
    } plain[] = {
        { "qwen-xml", PLAIN_XML("<tool_call>\n", "</tool_call>"), true, true },
        { "seed", PLAIN_XML("<seed:tool_call>", "</seed:tool_call>"), true, true },
        { "minimax",
          "<minimax:tool_call>\n<invoke name=\"f\">\n<parameter name=\"a\">%</parameter>\n"
          "</invoke>\n</minimax:tool_call>",
          true, true },
        { "dsml-tools",
          "<" DSML "tool_calls>\n<" DSML "invoke name=\"f\">\n<" DSML
          "parameter name=\"a\" string=\"true\">%</" DSML "parameter>\n</" DSML "invoke>\n</" DSML
          "tool_calls>",
          false, false },
        { "glm", "<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>%</arg_value>\n</tool_call>", true,
          false },
        { "gemma", "<|tool_call>call:f{a:<|\"|>%<|\"|>}<tool_call|>", false, false },
    };
    for (int i = 0; i < OGI_LEN(plain); i++) {
        for (int k = 0; k < OGI_LEN(everywhere); k++)
            check_plain(plain[i].format, plain[i].call, &everywhere[k]);
        for (int k = 0; k < OGI_LEN(unquoted) && plain[i].is_unquoted; k++)
            check_plain(plain[i].format, plain[i].call, &unquoted[k]);
        for (int k = 0; k < OGI_LEN(in_lines) && plain[i].has_lines; k++)
            check_plain(plain[i].format, plain[i].call, &in_lines[k]);
    }
}

Test(toolcall_plain, plain_strings_follow_references_beside_their_type)
{
    ogt_constrained x = ogt_constrain("glm",
                                      "[{\"name\":\"f\",\"parameters\":{\"$defs\":{\"t\":{"
                                      "\"minLength\":2}},\"properties\":{\"a\":{"
                                      "\"type\":\"string\",\"$ref\":\"#/$defs/t\"}}}}]",
                                      choose_auto, NULL);
#define GLM(text) "<tool_call>f<arg_key>a</arg_key><arg_value>" text "</arg_value></tool_call>"
    cr_assert(ogt_accepts(x.m, GLM("ab")));
    cr_assert(!ogt_accepts(x.m, GLM("a")));
    ogt_constrained_free(&x);
}

Test(toolcall_plain, null_beside_strings_where_calls_say_which_they_are)
{
    static const plain_case cases[] = { { NULLABLE, "null", "null" }, { NULLABLE, "5", NULL } };
    for (int i = 0; i < OGI_LEN(cases); i++) {
        check_plain("dsml-functions",
                    "<" DSML "function_calls>\n<" DSML "invoke name=\"f\">\n<" DSML
                    "parameter name=\"a\" string=\"false\">%</" DSML "parameter>\n</" DSML
                    "invoke>\n</" DSML "function_calls>",
                    &cases[i]);
        check_plain("gemma", "<|tool_call>call:f{a:%}<tool_call|>", &cases[i]);
    }
}
