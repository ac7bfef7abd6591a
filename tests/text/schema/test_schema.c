/* SPDX-License-Identifier: MIT
 *
 * JSON Schemas: what is enforced, and that the rest is refused by keyword and path. */
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

TestSuite(schema, .init = open_ctx, .fini = close_ctx);

static bool accepts(const char *schema, const char *text)
{
    og_grammar *g;
    og_matcher *m;
    size_t taken;
    bool complete = false;
    cr_assert(og_grammar_schema(ctx, schema, strlen(schema), NULL, &g) == OG_OK, "%s: %s", schema,
              og_error(ctx));
    cr_assert(og_matcher_new(g, ctx, &m) == OG_OK);
    cr_assert(og_matcher_text(m, text, strlen(text), &taken) == OG_OK);
    if (taken == strlen(text)) og_matcher_is_complete(m, &complete);
    og_matcher_free(m);
    og_grammar_free(g);
    return complete;
}

static const struct {
    const char *schema, *yes, *no;
} cases[] = {
    /* bounds */
    { "{\"type\":\"integer\",\"minimum\":-12,\"maximum\":105}", "-12", "-13" },
    { "{\"type\":\"integer\",\"minimum\":-12,\"maximum\":105}", "105", "106" },
    { "{\"type\":\"integer\",\"exclusiveMinimum\":-1}", "0", "-1" },
    { "{\"type\":\"integer\",\"maximum\":-7}", "-7", "-6" },
    { "{\"type\":\"number\",\"minimum\":2,\"maximum\":4}", "3.5", "4.1" },
    { "{\"type\":\"number\",\"exclusiveMinimum\":0,\"exclusiveMaximum\":1}", "0.01", "0.0" },
    { "{\"type\":\"number\",\"minimum\":-2.5}", "-2", "-2.9" },
    { "{\"type\":\"number\",\"minimum\":0}", "0.5", "-0.5" },
    { "{\"type\":\"number\",\"minimum\":0.1,\"maximum\":0.9}", "0.10", "0.09" },
    { "{\"type\":\"number\",\"minimum\":0.1,\"maximum\":0.9}", "0.9", "0.91" },
    { "{\"type\":\"number\",\"exclusiveMinimum\":-1.25,\"maximum\":2.5}", "-1.249", "-1.25" },
    { "{\"type\":\"number\",\"exclusiveMinimum\":-1.25,\"maximum\":2.5}", "2.5", "2.51" },
    /* what would be rounded to a bound */
    { "{\"type\":\"number\",\"exclusiveMaximum\":5}", "4.99999999999999", "4.9999999999999999" },
    { "{\"type\":\"number\",\"exclusiveMinimum\":5}", "5.00000000000001", "5.0000000000000001" },
    /* multiples */
    { "{\"type\":\"integer\",\"multipleOf\":7}", "-49", "48" },
    { "{\"type\":\"integer\",\"multipleOf\":7,\"minimum\":-20,\"maximum\":98}", "98", "105" },
    { "{\"type\":\"number\",\"multipleOf\":1000,\"exclusiveMinimum\":0}", "12000", "0" },
    { "{\"type\":\"integer\",\"allOf\":[{\"multipleOf\":2},{\"multipleOf\":6}]}", "12", "10" },
    { "{\"enum\":[3,4,6],\"multipleOf\":3}", "6", "4" },
    /* lengths count code points, however they are spelled */
    { "{\"type\":\"string\",\"minLength\":2,\"maxLength\":2}", "\"\\u00e9\\n\"", "\"\\u00e9\"" },
    { "{\"type\":\"string\",\"maxLength\":1}", "\"\\ud83d\\ude00\"", "\"\\ud83d\"" },
    { "{\"type\":\"string\",\"minLength\":70}",
      "\"0123456789012345678901234567890123456789012345678901234567890123456789\"",
      "\"012345678901234567890123456789012345678901234567890123456789012345678\"" },
    /* patterns match what a string spells; without anchors, anywhere */
    { "{\"type\":\"string\",\"pattern\":\"b.d\"}", "\"abcde\"", "\"abde\"" },
    { "{\"type\":\"string\",\"pattern\":\"^\\\\d\\\\s\\\\w$\"}", "\"1\\t_\"", "\"1x_\"" },
    { "{\"type\":\"string\",\"pattern\":\"^\\\"$\"}", "\"\\\"\"", "\"\"\"" },
    /* a pattern and a length; days that there are */
    { "{\"type\":\"string\",\"pattern\":\"^(ab|c)+$\",\"minLength\":3,\"maxLength\":4}", "\"abab\"",
      "\"ababc\"" },
    { "{\"type\":\"string\",\"pattern\":\"^(ab|c)+$\",\"minLength\":3,\"maxLength\":4}", "\"ccab\"",
      "\"ab\"" },
    { "{\"type\":\"string\",\"pattern\":\"x\",\"maxLength\":2}", "\"\\nx\"", "\"axa\"" },
    { "{\"type\":\"string\",\"pattern\":\"x$\",\"minLength\":3}", "\"\u00e9\u00e9\u00e9x\"",
      "\"xx\"" },
    { "{\"type\":\"string\",\"format\":\"time\",\"maxLength\":9}", "\"12:00:00Z\"",
      "\"12:00:00.000Z\"" },
    { "{\"type\":\"string\",\"format\":\"date\"}", "\"2024-02-29\"", "\"2023-02-29\"" },
    { "{\"type\":\"string\",\"format\":\"date\"}", "\"2000-02-29\"", "\"1900-02-29\"" },
    { "{\"type\":\"string\",\"format\":\"date\"}", "\"2024-12-31\"", "\"2024-11-31\"" },
    /* conjunctions */
    { "{\"$ref\":\"#/$defs/"
      "n\",\"minimum\":3,\"$defs\":{\"n\":{\"type\":\"integer\",\"maximum\":5}}}",
      "4", "2" },
    { "{\"allOf\":[{\"properties\":{\"a\":{\"type\":\"integer\"}},\"additionalProperties\":"
      "{\"type\":\"string\"}},{\"required\":[\"b\"]}],\"type\":\"object\"}",
      "{\"b\":\"x\",\"a\":1}", "{\"b\":1}" },
    { "{\"type\":[\"integer\",\"string\"],\"anyOf\":[{\"minimum\":5},{\"maxLength\":1}]}", "\"x\"",
      "null" },
    /* required names need no declaration */
    { "{\"type\":\"object\",\"required\":[\"a\"]}", "{\"a\":null}", "{}" },
    /* no name comes twice, however it is spelled */
    { "{\"type\":\"object\"}", "{\"a\":1,\"b\":{\"a\":2}}", "{\"a\":1,\"a\":2}" },
    { "{\"type\":\"object\"}", "{\"a\":1,\"\\u0062\":2}", "{\"a\":1,\"\\u0061\":2}" },
    { "{\"properties\":{\"ab\":{}},\"additionalProperties\":true}", "{\"a\\u0063\":1}",
      "{\"a\\u0062\":1}" },
    { "{\"properties\":{\"a\\\"\":{\"type\":\"null\"}},\"additionalProperties\":true}", "{\"a\":1}",
      "{\"a\\\"\":1}" },
    { "{\"properties\":{\"a\":false,\"b\":true}}", "{\"b\":[]}", "{\"a\":1}" },
    /* how many */
    { "{\"properties\":{\"a\":{},\"b\":{},\"c\":{}},\"minProperties\":2,\"maxProperties\":2}",
      "{\"a\":{},\"c\":{}}", "{\"b\":{}}" },
    { "{\"properties\":{\"a\":{},\"b\":{},\"c\":{}},\"minProperties\":2,\"maxProperties\":2}",
      "{\"b\":{},\"c\":{}}", "{\"a\":{},\"b\":{},\"c\":{}}" },
    { "{\"properties\":{\"a\":{},\"b\":{}},\"required\":[\"b\"],\"minProperties\":2}",
      "{\"b\":{},\"a\":{}}", "{\"b\":{}}" },
    { "{\"type\":\"object\",\"minProperties\":2}", "{\"a\":1,\"b\":1,\"c\":1}", "{\"a\":1}" },
    { "{\"additionalProperties\":{\"type\":\"null\"},\"maxProperties\":1}", "{\"a\":null}",
      "{\"a\":null,\"b\":null}" },
    /* which names */
    { "{\"patternProperties\":{\"^x-\":{\"type\":\"null\"}},\"additionalProperties\":false}",
      "{\"x-a\":null,\"x-b\":null}", "{\"y\":null}" },
    { "{\"patternProperties\":{\"^x-\":{\"type\":\"null\"}}}", "{\"x-a\":null}",
      "{\"x-a\":null,\"x-a\":null}" },
    { "{\"patternProperties\":{\"^x\":{\"type\":\"integer\"}},\"properties\":{\"xa\":{\"minimum\":"
      "5}},"
      "\"required\":[\"xa\"]}",
      "{\"xa\":5,\"xb\":1}", "{\"xa\":4}" },
    { "{\"patternProperties\":{\"^x\":{\"type\":\"integer\"}},\"required\":[\"xa\",\"b\"]}",
      "{\"xa\":5,\"b\":null}", "{\"xa\":null,\"b\":null}" },
    { "{\"propertyNames\":{\"pattern\":\"^[a-z]+$\"},\"type\":\"object\"}", "{\"ab\":1}",
      "{\"a1\":1}" },
    { "{\"propertyNames\":{\"enum\":[\"a\",\"b\"]},\"additionalProperties\":{\"type\":\"null\"}}",
      "{\"a\":null,\"b\":null}", "{\"c\":null}" },
    { "{\"propertyNames\":{\"maxLength\":1},\"properties\":{\"a\":{},\"bb\":{}}}", "{\"a\":{}}",
      "{\"bb\":{}}" },
    /* arrays */
    { "{\"prefixItems\":[{\"type\":\"integer\"}],\"items\":{\"type\":\"null\"},\"minItems\":3}",
      "[1,null,null]", "[1,null]" },
    { "{\"type\":\"array\",\"items\":false}", "[]", "[1]" },
    { "{\"items\":{\"enum\":[\"a\",\"b\",\"c\"]},\"uniqueItems\":true}", "[\"c\",\"a\"]",
      "[\"c\",\"c\"]" },
    { "{\"items\":{\"enum\":[1,1.0,2]},\"uniqueItems\":true,\"minItems\":1}", "[2,1]",
      "[1,2,1.0]" },
    { "{\"items\":{\"enum\":[1,2,3]},\"uniqueItems\":true,\"maxItems\":2,\"type\":\"array\"}", "[]",
      "[1,2,3]" },
    { "{\"items\":{\"enum\":[{\"a\":1},{\"a\":1.0}]},\"uniqueItems\":true}", "[{\"a\":1}]",
      "[{\"a\":1},{\"a\":1.0}]" },
    { "{\"allOf\":[{\"prefixItems\":[{\"type\":\"integer\"}]},{\"items\":{\"minimum\":5}}],"
      "\"type\":\"array\"}",
      "[5]", "[4]" },
    { "{\"allOf\":[{\"prefixItems\":[{\"type\":\"integer\"},{\"type\":\"null\"}]},"
      "{\"prefixItems\":[{\"minimum\":5}],\"items\":{\"type\":[\"null\",\"string\"]}}],\"type\":"
      "\"array\"}",
      "[5,null]", "[4,null]" },
    /* alternatives */
    { "{\"oneOf\":[{\"type\":\"integer\",\"maximum\":3},{\"type\":\"integer\",\"minimum\":4}]}",
      "7", "1.5" },
    { "{\"enum\":[1,\"x\",200],\"type\":[\"integer\"],\"maximum\":100}", "1", "200" },
    { "{\"enum\":[\"a\",\"ab\",1],\"pattern\":\"b$\"}", "\"ab\"", "\"a\"" },
    { "{\"enum\":[[1],[1,2],{}],\"minItems\":2,\"required\":[\"a\"]}", "[1,2]", "[1]" },
    { "{\"enum\":[[1],{},{\"a\":1}],\"minProperties\":1,\"required\":[\"a\"]}", "{\"a\":1}", "{}" },
    { "true", "[{}]", "[" },
    /* references: anchors, the schema's own address */
    { "{\"$ref\":\"#x\",\"$defs\":{\"a\":{\"$anchor\":\"x\",\"type\":\"null\"}}}", "null", "1" },
    { "{\"$id\":\"http://e/r\",\"$ref\":\"http://e/r#/$defs/"
      "a\",\"$defs\":{\"a\":{\"type\":\"null\"}}}",
      "null", "1" },
    /* conditions */
    { "{\"if\":{\"type\":\"integer\"},\"then\":{\"minimum\":10},\"else\":{\"type\":\"null\"}}",
      "10", "9" },
    { "{\"if\":{\"type\":\"integer\"},\"then\":{\"minimum\":10},\"else\":{\"type\":\"null\"}}",
      "null", "\"x\"" },
    { "{\"properties\":{\"k\":{\"enum\":[\"x\",\"y\"]},\"v\":{\"type\":\"integer\"}},\"required\":["
      "\"k\"],"
      "\"if\":{\"properties\":{\"k\":{\"const\":\"x\"}}},\"then\":{\"required\":[\"v\"]}}",
      "{\"k\":\"x\",\"v\":1}", "{\"k\":\"x\"}" },
    { "{\"properties\":{\"k\":{\"enum\":[\"x\",\"y\"]},\"v\":{\"type\":\"integer\"}},\"required\":["
      "\"k\"],"
      "\"if\":{\"properties\":{\"k\":{\"const\":\"x\"}}},\"then\":{\"required\":[\"v\"]}}",
      "{\"k\":\"y\"}", "{\"v\":1}" },
    { "{\"properties\":{\"a\":{},\"b\":{}},\"dependentRequired\":{\"a\":[\"b\"]}}",
      "{\"a\":{},\"b\":{}}", "{\"a\":{}}" },
    { "{\"properties\":{\"a\":{},\"b\":{\"type\":\"integer\"}},\"dependentSchemas\":{\"a\":"
      "{\"properties\":{\"b\":{\"minimum\":5}}}}}",
      "{\"a\":{},\"b\":5}", "{\"a\":{},\"b\":4}" },
    { "{\"type\":\"object\",\"required\":[\"k\"],\"properties\":{\"k\":{\"enum\":[\"x\",\"y\","
      "\"z\"]}},"
      "\"allOf\":[{\"if\":{\"properties\":{\"k\":{\"const\":\"x\"}}},\"then\":{\"required\":[\"a\"]"
      "}},"
      "{\"if\":{\"properties\":{\"k\":{\"const\":\"y\"}}},\"then\":{\"required\":[\"b\"]}}]}",
      "{\"k\":\"y\",\"b\":1}", "{\"k\":\"y\",\"a\":1}" },
    /* negations */
    { "{\"not\":{\"type\":\"string\"}}", "1", "\"x\"" },
    { "{\"not\":{\"const\":\"a\"},\"type\":\"string\"}", "\"ab\"", "\"\\u0061\"" },
    { "{\"not\":{\"enum\":[1,null]},\"enum\":[1,2,null]}", "2", "1" },
    { "{\"not\":{\"required\":[\"a\"]},\"properties\":{\"a\":{},\"b\":{}}}", "{\"b\":{}}",
      "{\"a\":{}}" },
    { "{\"not\":{\"minimum\":5},\"type\":\"integer\"}", "4", "5" },
    { "{\"not\":{\"anyOf\":[{\"type\":\"null\"},{\"not\":{\"type\":\"integer\"}}]}}", "1", "null" },
    /* a branch that nothing matches is left out */
    { "{\"anyOf\":[{\"allOf\":[{\"type\":\"string\"},{\"type\":\"integer\"}]},{\"type\":\"null\"}]"
      "}",
      "null", "1" },
    /* each of one list with each of the other */
    { "{\"allOf\":[{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]},"
      "{\"anyOf\":[{\"minimum\":5},{\"minLength\":1}],\"type\":[\"integer\",\"string\"]}]}",
      "\"x\"", "null" },
    /* what the schema does not evaluate */
    { "{\"allOf\":[{\"properties\":{\"a\":{}}}],\"unevaluatedProperties\":false}", "{\"a\":{}}",
      "{\"b\":{}}" },
    { "{\"type\":\"object\",\"allOf\":[{\"properties\":{\"a\":{}}},{\"properties\":{\"b\":{}},"
      "\"unevaluatedProperties\":false}]}",
      "{\"b\":{}}", "{\"a\":{}}" },
    { "{\"type\":\"array\",\"unevaluatedItems\":{\"type\":\"integer\"}}", "[1]", "[null]" },
};

Test(schema, enforces)
{
    for (int i = 0; i < OGI_LEN(cases); i++) {
        cr_expect(accepts(cases[i].schema, cases[i].yes), "%s refuses %s", cases[i].schema,
                  cases[i].yes);
        cr_expect(!accepts(cases[i].schema, cases[i].no), "%s takes %s", cases[i].schema,
                  cases[i].no);
    }
}

static const struct {
    const char *schema, *path;
} refused[] = {
    { "{\"not\":{}}", "nothing matches" },
    { "{\"properties\":{\"a\":{\"not\":{\"pattern\":\"x\"}}}}", "#/properties/a/not/pattern" },
    { "{\"properties\":{\"a\":{\"if\":{\"items\":{}},\"then\":true}}}", "#/properties/a/if/items" },
    { "{\"type\":\"integer\",\"not\":{\"const\":1}}", "#/not" },
    { "{\"$id\":\"a\",\"properties\":{\"b\":{\"$id\":\"c\",\"$ref\":\"#/$defs/x\"}}}",
      "#/properties/b/$id" },
    { "{\"$ref\":\"#x\",\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":\"x\"}}}",
      "leads nowhere" },
    { "{\"items\":{\"patternProperties\":1}}", "#/items/patternProperties" },
    { "{\"anyOf\":[{},{\"contains\":{}}]}", "#/anyOf/1/contains" },
    { "{\"type\":\"array\",\"uniqueItems\":true}", "#/uniqueItems" },
    { "{\"items\":{\"enum\":[1,2]},\"uniqueItems\":true,\"minItems\":3}", "nothing matches" },
    { "{\"items\":{\"enum\":[1,2],\"minimum\":2},\"uniqueItems\":true}", "#/uniqueItems" },
    { "{\"type\":\"number\",\"multipleOf\":0.5}", "#/multipleOf" },
    { "{\"type\":\"integer\",\"multipleOf\":9973}", "#/multipleOf" },
    { "{\"type\":\"number\",\"exclusiveMinimum\":100,\"maximum\":0.1}", "no number" },
    { "{\"type\":\"integer\",\"multipleOf\":10,\"minimum\":1,\"maximum\":9}", "no multiple" },
    { "{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"number\"}]}", "#/oneOf: branches 0 and 1" },
    { "{\"oneOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}", "#/oneOf" },
    { "{\"properties\":{\"a\":{}},\"minProperties\":2}", "minProperties and maxProperties" },
    { "{\"required\":[\"a\",\"b\"],\"maxProperties\":1}", "minProperties and maxProperties" },
    { "{\"patternProperties\":{\"^[a-z]{2}$\":{}}}", "#/patternProperties/^[a-z]{2}$" },
    { "{\"patternProperties\":{\"(\":{}}}", "#/patternProperties/(" },
    { "{\"patternProperties\":{\"^a\":{}},\"properties\":{\"ab\":{}}}", "#/patternProperties/^a" },
    { "{\"patternProperties\":{\"^a\":{},\"^b\":{}}}", "#/patternProperties: more than one" },
    { "{\"allOf\":[{\"patternProperties\":{\"^a\":{}}},{\"properties\":{\"ab\":{}}}]}",
      "#/allOf/1/patternProperties" },
    { "{\"propertyNames\":{\"format\":\"date\"}}", "#/propertyNames/format" },
    { "{\"allOf\":[{\"prefixItems\":1},{\"items\":true}]}", "wants a list" },
    { "{\"propertyNames\":{\"maxLength\":3}}", "#/propertyNames" },
    { "{\"propertyNames\":{\"pattern\":\"(\"},\"properties\":{\"a\":{}}}",
      "#/propertyNames/pattern" },
    { "{\"propertyNames\":false,\"enum\":[{\"a\":1}]}", "#/propertyNames" },
    { "{\"enum\":[\"a\"],\"pattern\":\"(\"}", "#/pattern" },
    { "{\"oneOf\":[{\"patternProperties\":{\"^x\":{}},\"additionalProperties\":false},"
      "{\"type\":\"object\",\"required\":[\"x1\"]}]}",
      "#/oneOf" },
    { "{\"allOf\":[{\"anyOf\":[{\"properties\":{\"b\":{}}}],\"unevaluatedProperties\":false}]}",
      "#/allOf/0/unevaluatedProperties" },
    { "{\"unevaluatedProperties\":false,\"not\":{\"required\":[\"a\"]}}",
      "#/unevaluatedProperties" },
    { "{\"dependentRequired\":{\"a\":1}}", "#/dependentRequired/a" },
    { "{\"$dynamicRef\":\"#x\"}", "#/$dynamicRef" },
    { "{\"$ref\":\"http://example.com/\"}", "#/$ref" },
    { "{\"$ref\":\"#/$defs/x\"}", "leads nowhere" },
    { "{\"$ref\":\"#/$defs/x\",\"$defs\":{\"x\":{\"not\":{\"items\":{}}}}}", "#/$defs/x/not" },
    { "{\"type\":\"string\",\"pattern\":\"(?=a)\"}", "#/pattern" },
    { "{\"type\":\"string\",\"pattern\":\"^a{5}$\",\"maxLength\":3}",
      "schema, at #/pattern: no text that matches the pattern has such a length" },
    { "{\"type\":\"string\",\"format\":\"date\",\"maxLength\":9}", "nothing matches" },
    { "{\"type\":\"strin\"}", "#/type" },
    { "{\"type\":\"string\",\"minLength\":-1}", "#/minLength" },
    { "{\"allOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "nothing matches" },
    { "{\"enum\":[1],\"type\":\"string\"}", "none of the constants" },
    { "{\"required\":[\"a\"],\"additionalProperties\":false}", "nothing matches" },
    { "{\"$ref\":\"#\"}", "begins with itself" },
    { "[]", "an object or a boolean" },
    { "{", "line 1" },
};

Test(schema, refuses_by_keyword_and_path)
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

static void log_line(void *user, og_log_level level, const char *line)
{
    if (level == OG_LOG_WARN) snprintf(user, 200, "%s", line);
}

Test(schema, notes_formats_that_are_annotations)
{
    char line[200] = "";
    const char *schema = "{\"type\":\"string\",\"format\":\"email\"}";
    og_ctx *own;
    og_grammar *g;
    cr_assert(og_ctx_new(&(og_ctx_options){ .log = log_line, .user = line }, &own) == OG_OK);
    cr_assert(og_grammar_schema(own, schema, strlen(schema), NULL, &g) == OG_OK);
    cr_assert(strstr(line, "email"));
    og_grammar_free(g);
    og_ctx_free(own);
}
