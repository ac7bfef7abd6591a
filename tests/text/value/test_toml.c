/* SPDX-License-Identifier: MIT
 *
 * The TOML reader against the JSON that the text means. */
#include <criterion/criterion.h>
#include <string.h>

#include "text/value/toml.h"

static const struct {
    const char *toml, *json;
} good[] = {
    { "", "{}" },
    { "# only a comment", "{}" },
    { "a = 1\nb=-2 # x\n", "{\"a\":1,\"b\":-2}" },
    { "a = 1_000\nb = 0xff\nc = 0o17\nd = 0b101\n", "{\"a\":1000,\"b\":255,\"c\":15,\"d\":5}" },
    { "a = 1.5\nb = -2e3\nc = +0.25", "{\"a\":1.5,\"b\":-2000.0,\"c\":0.25}" },
    { "a = true\r\nb = false\r\n", "{\"a\":true,\"b\":false}" },
    { "a = \"x\\n\\\"\\u00e9\\U0001F600\"", "{\"a\":\"x\\n\\\"\xc3\xa9\xf0\x9f\x98\x80\"}" },
    { "a = 'C:\\new'", "{\"a\":\"C:\\\\new\"}" },
    { "a = \"\"\"\nx\ny\\\n   z\"\"\"\"", "{\"a\":\"x\\nyz\\\"\"}" },
    { "a = '''it's'''", "{\"a\":\"it's\"}" },
    { "a = [1, [2, 3], # c\n  'x',\n]", "{\"a\":[1,[2,3],\"x\"]}" },
    { "a = { b = 1, c.d = 2 }", "{\"a\":{\"b\":1,\"c\":{\"d\":2}}}" },
    { "a.b.c = 1\na.b.d = 2", "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}" },
    { "[t]\nx=1\n[t.u]\ny=2\n[\"q r\"]\n", "{\"t\":{\"x\":1,\"u\":{\"y\":2}},\"q r\":{}}" },
    { "[[l]]\na=1\n[[l]]\na=2\n[l.s]\nb=3", "{\"l\":[{\"a\":1},{\"a\":2,\"s\":{\"b\":3}}]}" },
};

Test(toml, means_the_same_as_json)
{
    og_ctx *ctx;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    for (int i = 0; i < OGI_LEN(good); i++) {
        json_t *v = NULL, *want = json_loads(good[i].json, 0, NULL);
        cr_assert(ogi_toml_parse(ctx, "t", good[i].toml, strlen(good[i].toml), &v) == OG_OK,
                  "%s: %s", good[i].toml, og_error(ctx));
        cr_assert(json_equal(v, want), "%s", good[i].toml);
        json_decref(v), json_decref(want);
    }
    og_ctx_free(ctx);
}

static const struct {
    const char *toml, *says;
} bad[] = {
    { "a", "'='" },
    { "a = ", "missing" },
    { "a = 1 2", "follows" },
    { "a = 1\na = 2", "twice" },
    { "\n\na = \"x", "t:3" },
    { "a = [1", "array" },
    { "a = {b = 1", "inline table" },
    { "a = 1979-05-27T07:32:00Z", "dates" },
    { "a = nan", "finite" },
    { "a = 99999999999999999999", "range" },
    { "a = 1\n[a]", "both" },
    { "a = \"\\x\"", "escape" },
    { "a = \"\\ud800\"", "Unicode" },
    { "[a", "']'" },
    { "= 1", "key" },
    { "a = \"\xff\"", "UTF-8" },
};

Test(toml, errors_tell_what_and_where)
{
    og_ctx *ctx;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    for (int i = 0; i < OGI_LEN(bad); i++) {
        json_t *v = NULL;
        og_error_clear(ctx);
        cr_assert(ogi_toml_parse(ctx, "t", bad[i].toml, strlen(bad[i].toml), &v) != OG_OK,
                  "%s was taken", bad[i].toml);
        cr_assert(!v && strstr(og_error(ctx), bad[i].says), "%s: %s", bad[i].toml, og_error(ctx));
    }
    og_ctx_free(ctx);
}

Test(toml, deep_nesting_is_refused)
{
    og_ctx *ctx;
    cr_assert(og_ctx_new(NULL, &ctx) == OG_OK);
    static char text[100000];
    memcpy(text, "a=", 2);
    memset(text + 2, '[', sizeof text - 2);
    json_t *v = NULL;
    cr_assert(ogi_toml_parse(ctx, "t", text, sizeof text, &v) == OG_E_FORMAT);
    cr_assert(strstr(og_error(ctx), "too deep"));
    og_ctx_free(ctx);
}
