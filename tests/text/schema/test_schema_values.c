/* SPDX-License-Identifier: MIT
 *
 * JSON Schemas as generators write them: schemas without keywords, bounds of 64-bit types, U+0000,
 * formats beside patterns, byte order marks. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/ctx.h"
#include "oxigraph/grammar.h"

static og_ctx *ctx;

static void open_ctx(void)
{
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
}
static void close_ctx(void)
{
    og_ctx_free(ctx);
}

TestSuite(schema_values, .init = open_ctx, .fini = close_ctx);

static bool accepts(const char *schema, const char *text)
{
    og_grammar *g;
    og_matcher *m;
    size_t taken;
    bool complete = false;
    og_status s = og_grammar_schema(ctx, schema, strlen(schema), NULL, &g);
    cr_expect(s == OG_OK, "%s: %s", schema, og_error(ctx));
    og_error_clear(ctx);
    if (s != OG_OK) return false;
    cr_assert(og_matcher_new(g, ctx, &m) == OG_OK);
    cr_assert(og_matcher_text(m, text, strlen(text), &taken) == OG_OK);
    if (taken == strlen(text)) og_matcher_is_complete(m, &complete);
    og_matcher_free(m);
    og_grammar_free(g);
    return complete;
}

static void check(const char *schema, const char *const *yes, const char *const *no)
{
    for (; *yes; yes++) cr_expect(accepts(schema, *yes), "%s refuses %s", schema, *yes);
    for (; *no; no++) cr_expect(!accepts(schema, *no), "%s takes %s", schema, *no);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* ---- any value ---- */

Test(schema_values, empty_schema_is_any_value_wherever_it_stands)
{
    check("{\"items\":{}}", LIST("[1,\"a\",null,[{}]]"), LIST("1"));
    check("{\"properties\":{\"v\":{}}}", LIST("{\"v\":\"a\"}", "{\"v\":null}"), LIST("{\"w\":1}"));
    check("{\"type\":\"object\",\"additionalProperties\":{}}", LIST("{\"v\":1,\"w\":[]}"),
          LIST("1"));
    check("{\"anyOf\":[{},{\"type\":\"null\"}]}", LIST("5", "null"), LIST("x"));
    check("{\"allOf\":[{},{\"type\":\"integer\"}]}", LIST("5"), LIST("\"a\""));
    check("{\"prefixItems\":[{},{\"type\":\"null\"}]}", LIST("[1,null]", "[\"a\",null]"),
          LIST("[1,1]"));
    check("{\"patternProperties\":{\"^x\":{}}}", LIST("{\"xa\":1}"), LIST("{\"y\":1}"));
    check("{\"$ref\":\"#/$defs/any\",\"$defs\":{\"any\":{}}}", LIST("5", "{}"), LIST("x"));
}

/* What json_schema modes of servers take for "a JSON object". */
Test(schema_values, empty_schema_as_a_whole_is_an_object)
{
    check("{}", LIST("{}", "{\"a\":[1,null]}"), LIST("5", "[]"));
    check("{\"title\":\"T\"}", LIST("{}", "5", "[1,\"a\"]"), LIST("x"));
}

Test(schema_values, true_and_false_may_stand_wherever_a_schema_may)
{
    check("true", LIST("5", "{}", "[null]"), LIST("x"));
    check("{\"items\":true}", LIST("[1,\"a\"]"), LIST("{}"));
    check("{\"properties\":{\"a\":true,\"b\":false}}", LIST("{\"a\":[]}", "{}"), LIST("{\"b\":1}"));
    check("{\"anyOf\":[false,{\"type\":\"null\"},true]}", LIST("null", "5"), LIST("x"));
    check("{\"type\":\"array\",\"items\":false}", LIST("[]"), LIST("[1]"));
}

/* ---- numbers of 64 bits ---- */

Test(schema_values, bounds_of_64_bit_types_hold)
{
    check("{\"type\":\"integer\",\"minimum\":-9223372036854775808,"
          "\"maximum\":9223372036854775807}",
          LIST("5", "-7", "0", "9999999999999999"), LIST("1.5"));
    check("{\"type\":\"integer\",\"minimum\":0,\"maximum\":18446744073709551615}",
          LIST("5", "0", "1234567890123456"), LIST("-7"));
    check("{\"type\":\"integer\",\"minimum\":0.0,\"maximum\":18446744073709551615.0}", LIST("5"),
          LIST("-7"));
    check("{\"type\":\"number\",\"minimum\":-1.7976931348623157e308,"
          "\"maximum\":1.7976931348623157e+308}",
          LIST("-1.5", "0", "2"), LIST("null"));
    check("{\"type\":\"number\",\"exclusiveMaximum\":1e400}", LIST("-1.5", "7"), LIST("null"));
    check("{\"type\":\"integer\",\"maximum\":340282366920938463463374607431768211455}", LIST("7"),
          LIST("7.5"));
    check("{\"type\":\"integer\",\"multipleOf\":5,\"minimum\":-9223372036854775808,"
          "\"maximum\":18446744073709551615}",
          LIST("10", "-15"), LIST("11"));
    check("{\"type\":\"integer\",\"minimum\":9007199254740995}", LIST("9007199254740996"),
          LIST("9007199254740994", "7"));
    check("{\"type\":\"integer\",\"maximum\":9007199254740995}", LIST("9007199254740994"),
          LIST("9007199254740996"));
}

Test(schema_values, open_bounds_beyond_2_to_53_are_left_out)
{
    check("{\"type\":\"integer\",\"exclusiveMinimum\":9007199254740992}", LIST("9007199254740994"),
          LIST("9007199254740992"));
    check("{\"type\":\"integer\",\"exclusiveMaximum\":9007199254740994,\"multipleOf\":2}",
          LIST("9007199254740992"), LIST("9007199254740994"));
    check("{\"type\":\"number\",\"exclusiveMinimum\":-9007199254740994}", LIST("-9007199254740992"),
          LIST("-9007199254740994"));
}

Test(schema_values, the_narrower_of_two_bounds_beyond_2_to_53_counts)
{
    check("{\"enum\":[9007199254740992,9007199254740993],\"maximum\":9007199254740992}",
          LIST("9007199254740992"), LIST("9007199254740993"));
    check("{\"allOf\":[{\"enum\":[9007199254740993]},{\"enum\":[9007199254740992,"
          "9007199254740993]}]}",
          LIST("9007199254740993"), LIST("9007199254740992"));
    check("{\"enum\":[9223372036854775807,5],\"allOf\":[{\"maximum\":9223372036854775807},"
          "{\"maximum\":9223372036854775806}]}",
          LIST("5"), LIST("9223372036854775807"));
}

Test(schema_values, lengths_that_no_text_reaches_are_no_limit)
{
    check("{\"type\":\"string\",\"maxLength\":2147483647}", LIST("\"abc\""), LIST("1"));
    check("{\"type\":\"array\",\"maxItems\":9223372036854775807}", LIST("[1,2]"), LIST("1"));
    check("{\"type\":\"array\",\"maxItems\":18446744073709551615}", LIST("[1,2]"), LIST("1"));
}

/* ---- U+0000 ---- */

Test(schema_values, constants_may_hold_nul)
{
    check("{\"enum\":[\"a\\u0000b\",\"c\"]}", LIST("\"a\\u0000b\"", "\"c\""), LIST("\"a\""));
    check("{\"const\":\"\\u0000\"}", LIST("\"\\u0000\""), LIST("\"\""));
    check("{\"enum\":[\"a\\u0000b\",\"ab\"],\"pattern\":\"^ab?$\"}", LIST("\"ab\""),
          LIST("\"a\\u0000b\""));
    check("{\"type\":\"string\",\"default\":\"\\u0000\",\"description\":\"\\u0000\"}", LIST("\"\""),
          LIST("1"));
}

/* ---- formats ---- */

#define DAY_2024 "\"pattern\":\"^2024-\""

Test(schema_values, format_and_pattern_both_hold)
{
    check("{\"type\":\"string\",\"format\":\"date\"," DAY_2024 "}", LIST("\"2024-02-29\""),
          LIST("\"2023-02-28\"", "\"2024-02-30\"", "\"2024-\""));
    check("{\"type\":\"string\",\"format\":\"uuid\",\"pattern\":\"^[0-9a-f-]{36}$\"}",
          LIST("\"123e4567-e89b-12d3-a456-426614174000\""),
          LIST("\"123E4567-e89b-12d3-a456-426614174000\"",
               "\"------------------------------------\""));
    check("{\"type\":\"string\",\"format\":\"date\",\"maxLength\":10," DAY_2024 "}",
          LIST("\"2024-12-31\""), LIST("\"2025-12-31\""));
    check("{\"type\":\"string\",\"format\":\"time\",\"maxLength\":9,\"pattern\":\"^1\"}",
          LIST("\"12:00:00Z\""), LIST("\"02:00:00Z\"", "\"12:00:00.000Z\""));
    /* one that is no more than a note */
    check("{\"type\":\"string\",\"format\":\"email\",\"pattern\":\"@\"}", LIST("\"a@b\""),
          LIST("\"ab\""));
}

Test(schema_values, format_narrows_constants)
{
    check("{\"enum\":[\"2024-01-01\",\"x\",5],\"format\":\"date\"}", LIST("\"2024-01-01\"", "5"),
          LIST("\"x\""));
    check("{\"const\":\"x\",\"format\":\"email\"}", LIST("\"x\""), LIST("\"y\""));
}

/* ---- patterns ---- */

Test(schema_values, several_patterns_all_hold)
{
    check("{\"type\":\"string\",\"allOf\":[{\"pattern\":\"^a\"},{\"pattern\":\"z$\"}]}",
          LIST("\"az\"", "\"abz\""), LIST("\"ab\"", "\"bz\""));
    check("{\"type\":\"string\",\"pattern\":\"^a\",\"maxLength\":3,"
          "\"allOf\":[{\"pattern\":\"b\"},{\"pattern\":\"c$\"},{\"pattern\":\"^a\"}]}",
          LIST("\"abc\""), LIST("\"abbc\"", "\"ac\""));
    check("{\"allOf\":[{\"pattern\":\"^a\"},{\"pattern\":\"z$\"}],\"enum\":[\"az\",\"a\"]}",
          LIST("\"az\""), LIST("\"a\""));
}

/* ---- tagged unions ---- */

#define CAT "{\"type\":\"object\",\"properties\":{\"kind\":{\"const\":\"cat\",\"default\":\"cat\"},"
#define DOG "{\"type\":\"object\",\"properties\":{\"kind\":{\"const\":\"dog\"},"

Test(schema_values, branches_of_one_of_that_a_constant_tells_apart_get_it)
{
    check("{\"oneOf\":[" CAT "\"n\":{\"type\":\"integer\"}}}," DOG "\"m\":{\"type\":\"null\"}}}]}",
          LIST("{\"kind\":\"cat\",\"n\":1}", "{\"kind\":\"dog\",\"m\":null}", "{\"kind\":\"dog\"}"),
          LIST("{}", "{\"n\":1}", "{\"kind\":\"dog\",\"n\":1}"));
    check("{\"oneOf\":[{\"$ref\":\"#/$defs/Cat\"},{\"$ref\":\"#/$defs/Dog\"}],\"$defs\":{"
          "\"Cat\":" CAT "\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]},"
          "\"Dog\":" DOG "\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]}},"
          "\"discriminator\":{\"propertyName\":\"kind\"}}",
          LIST("{\"kind\":\"cat\",\"n\":1}"), LIST("{\"n\":1}"));
}

/* ---- earlier drafts ---- */

Test(schema_values, earlier_drafts_are_read_as_they_were_meant)
{
    check("{\"type\":\"array\",\"items\":[{\"type\":\"null\"},{\"type\":\"string\"}]}",
          LIST("[null,\"a\"]"), LIST("[\"a\",null]"));
    check("{\"type\":\"array\",\"items\":[{\"type\":\"null\"}],\"additionalItems\":false}",
          LIST("[null]"), LIST("[null,1]"));
    check("{\"type\":\"array\",\"items\":[{\"type\":\"null\"}],\"minItems\":2,\"maxItems\":2,"
          "\"additionalItems\":{\"type\":\"string\"}}",
          LIST("[null,\"a\"]"), LIST("[null,1]", "[null]"));
    check("{\"items\":{\"type\":\"null\"},\"additionalItems\":false}", LIST("[null,null]"),
          LIST("[1]"));
    check("{\"properties\":{\"a\":{},\"b\":{\"type\":\"null\"}},\"dependencies\":{\"a\":[\"b\"]}}",
          LIST("{\"a\":1,\"b\":null}", "{\"b\":null}"), LIST("{\"a\":1}"));
    check("{\"properties\":{\"a\":{},\"b\":{}},\"dependencies\":{\"a\":{\"required\":[\"b\"]}}}",
          LIST("{\"a\":1,\"b\":1}"), LIST("{\"a\":1}"));
    check("{\"type\":\"integer\",\"minimum\":0,\"exclusiveMinimum\":true}", LIST("1"), LIST("0"));
    check("{\"type\":\"integer\",\"maximum\":9,\"exclusiveMaximum\":false}", LIST("9"), LIST("10"));
    check("{\"type\":\"integer\",\"exclusiveMaximum\":true}", LIST("9"), LIST("null"));
}

/* ---- places ---- */

static const struct {
    const char *schema, *path;
} refused[] = {
    { "{\"items\":{\"const\":18446744073709551615}}", "#/items: a constant" },
    { "{\"enum\":[1,{\"a\":18446744073709551615}]}", "a constant" },
    { "{\"properties\":{\"a\\u0000b\":true}}", "#/properties/a" },
    { "{\"items\":[{\"required\":[]},{\"properties\":{\"\\u0000\":{}}}]}", "#/items/1/properties" },
    { "{\"properties\":{\"a\":{\"required\":[\"b\\u0000\"]}}}", "#/properties/a/required" },
    { "{\"items\":{\"type\":\"string\\u0000\"}}", "#/items/type" },
    { "{\"items\":{\"pattern\":\"\\u0000\"}}", "#/items/pattern" },
    { "{\"not\":{\"const\":\"a\\u0000\"},\"type\":\"string\"}", "#/not" },
    { "{\"type\":\"string\",\"format\":\"date\",\"pattern\":\"x\"}", "#/pattern: no text" },
    { "{\"type\":\"string\",\"pattern\":5}", "#/pattern: wants a string" },
    { "{\"items\":{\"dependencies\":5}}", "#/items/dependencies" },
    { "{\"propertyNames\":{\"enum\":[\"a\\u0000\"]}}", "#/propertyNames/enum" },
    { "{\"enum\":[\"x\"],\"format\":\"date\"}", "none of the constants" },
    { "{\"type\":\"integer\",\"minimum\":10000000000000000}", "no number that can be written" },
    { "{\"type\":\"string\",\"not\":{\"maxLength\":9223372036854775807}}", "nothing matches" },
    { "{\"maximum\":01e999}", "line 1" },
    { "{\"maximum\":012345678901234567890123}", "line 1" },
};

Test(schema_values, what_cannot_be_held_is_refused_by_keyword_and_path)
{
    for (int i = 0; i < OGI_LEN(refused); i++) {
        og_grammar *g;
        og_error_clear(ctx);
        og_status s =
            og_grammar_schema(ctx, refused[i].schema, strlen(refused[i].schema), NULL, &g);
        cr_expect(s != OG_OK && !g, "%s was taken", refused[i].schema);
        cr_expect(strstr(og_error(ctx), refused[i].path), "%s: %s", refused[i].schema,
                  og_error(ctx));
        og_grammar_free(g);
    }
}

Test(schema_values, byte_order_mark_is_skipped)
{
    check("\xef\xbb\xbf{\"type\":\"integer\"}", LIST("5"), LIST("\"a\""));
}
