using System.Text;

namespace ShardRouter.Tests.BadInput;

/// <summary>Texts that are no document: each by a name for the test's title, as bytes written in Latin-1.</summary>
internal static class BadDocuments
{
    /// <summary>Well-formed JSON that is no object.</summary>
    public static readonly Dictionary<string, string> NotAnObject = new()
    {
        ["array"] = "[]",
        ["text"] = "\"a\"",
        ["number"] = "1",
        ["true"] = "true",
        ["null"] = "null",
    };

    public static readonly Dictionary<string, string> NotJson = new()
    {
        ["nothing"] = "",
        ["blanks"] = " \n\t ",
        ["truncated object"] = """{"a":1""",
        ["truncated text"] = """{"a":"b""",
        ["truncated name"] = """{"a""",
        ["truncated literal"] = """{"a":tru""",
        ["trailing comma"] = """{"a":1,}""",
        ["trailing comma in array"] = """{"a":[1,]}""",
        ["missing comma"] = """{"a":1 "b":2}""",
        ["missing colon"] = """{"a" 1}""",
        ["comment"] = """{"a":1/* why */}""",
        ["line comment"] = "{\"a\":1}// why",
        ["byte order mark"] = "\u00ef\u00bb\u00bf{}",
        ["NaN"] = """{"a":NaN}""",
        ["Infinity"] = """{"a":-Infinity}""",
        ["single quotes"] = "{'a':1}",
        ["bare name"] = "{a:1}",
        ["two documents"] = "{}{}",
        ["something behind"] = "{} x",
        ["leading zero"] = """{"a":01}""",
        ["plus sign"] = """{"a":+1}""",
        ["no digit before the point"] = """{"a":.5}""",
        ["no digit behind the point"] = """{"a":1.}""",
        ["hexadecimal"] = """{"a":0x1}""",
        ["line break in text"] = "{\"a\":\"b\nc\"}",
        ["raw NUL"] = "{\"a\":\"\0\"}",
        ["unknown escape"] = """{"a":"\x41"}""",
        ["short escape"] = """{"a":"\u41"}""",
        ["nested 65 deep"] = Nested(65),
        ["nested 100,000 deep"] = Nested(100_000),
        ["100,000 open brackets"] = "{\"a\":" + new string('[', 100_000),
        ["no UTF-8"] = "{\"a\":\"\u00ff\"}",
        ["truncated UTF-8"] = "{\"a\":\"\u00c3\"}",
        ["overlong UTF-8"] = "{\"a\":\"\u00c0\u00af\"}",
        ["surrogate in UTF-8"] = "{\"a\":\"\u00ed\u00a0\u0080\"}",
        ["no UTF-8 in a name"] = "{\"\u00ff\":1}",
        ["UTF-16"] = "{\0\"\0a\0\"\0:\0001\0}\0",
        ["escaped NUL"] = """{"a":"b\u0000c"}""",
        ["escaped NUL in a name"] = """{"\u0000":1}""",
        ["lone high surrogate"] = """{"a":"\ud800"}""",
        ["lone low surrogate"] = """{"a":"\udc00x"}""",
        ["surrogates the wrong way round"] = """{"a":"\udc00\ud800"}""",
        ["lone surrogate in a name"] = """{"\ud800":1}""",
        ["lone surrogate deep inside"] = """{"a":[{"b":["\udfff"]}]}""",
        ["a name twice"] = """{"a":1,"a":1}""",
        ["a name twice by escape"] = """{"a":1,"\u0061":1}""",
        ["a name twice deep inside"] = """{"x":[{"a":1,"b":2,"a":3}]}""",
        ["401 digits"] = $$"""{"a":{{new string('9', 401)}}}""",
        ["1e400"] = """{"a":1e400}""",
        ["1e-400"] = """{"a":1e-400}""",
        ["1e131071"] = """{"a":1e131071}""",
        ["an exponent beyond all bounds"] = """{"a":1E+99999999999999999999}""",
        ["an exponent below all bounds"] = """{"a":-1e-99999999999999999999}""",
    };

    public static IEnumerable<string> Names => NotJson.Keys.Concat(NotAnObject.Keys);

    public static string Named(string name) => NotJson.TryGetValue(name, out var text) ? text : NotAnObject[name];

    public static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text);

    /// <summary>Objects inside one another, so many deep.</summary>
    public static string Nested(int depth) => string.Concat(Enumerable.Repeat("{\"a\":", depth - 1)) + "{}" + new string('}', depth - 1);
}
