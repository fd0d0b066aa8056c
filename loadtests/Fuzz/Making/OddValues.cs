namespace Fuzz.Making;

/// <summary>Values that parsers are known to trip over. All texts can stand in a header once <see cref="InHeader"/> has removed what ends one.</summary>
internal static class OddValues
{
    public static readonly string[] Texts =
    [
        "", " ", "  ", ".", "..", "~", "*", "%", "%00", "%2F", "%zz", "\0", "\u0001", "\u007f", "\t", "a\nb", "a\r\nb", "\"", "\\", "'", "\"a\"", "a,b",
        "null", "true", "-0", "0", "1", "-1", "1e400", "-1e-400", "9223372036854775807", "9223372036854775808", "18446744073709551616", "NaN", "Infinity",
        "0x10", "1_000", "١٢", "１２", "1.1.s1:1:1", "1.1.s1:99999999999999999999:FFFFFFFFFFFFFFFFF", "W/\"1\"", "\"1\", \"2\"", "\"1", "{}", "[]",
        "{\"a\":1}", "é", "e\u0301", "\u202e", "\ufeff", "\ufffd", "😀", "\ud83d", "ß", "İ", "$.a", "/a/b", "a.b.0", "f.", "eq.", "in.\"a", "exists.maybe",
        "../../etc/passwd", "' OR 1=1--", "$1", "{0}", "%s%n", "<script>", "$(id)", "undefined", "a b", "id.asc", "Bearer ", "Basic YTpi",
    ];

    public static readonly string[] Segments =
    [
        "", ".", "..", "%2E", "%2E%2E", "%00", "%FF", "%", "%z", "%E2%82", "%C0%AF", "a%2Fb", "a%252Fb", "a%5Cb", "~", ":", ":batchGet", "a:b", ";x=1",
        "%20", "+", "*", "%0D%0A", "%ED%A0%80", "%F0%9F%98%80", "{pk}", "-", "_", "A", "1", "café", "[", "|", "%7E", "a?b", "a%3Fb",
    ];

    public static readonly string[] Methods =
        ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS", "TRACE", "get", "QUERY", "PROPFIND", "CONNECT", "X", "GETT"];

    /// <summary>Headers that no operation has, or that change how a request is read.</summary>
    public static readonly (string Name, string Value)[] Headers =
    [
        ("Expect", "100-continue"), ("Expect", "x"), ("Connection", "close"), ("Connection", "keep-alive, Host"), ("Accept", "text/html"),
        ("Accept-Encoding", "gzip;q=0"), ("Range", "bytes=0-1"), ("If-Modified-Since", "yesterday"), ("Content-Encoding", "gzip"),
        ("Content-Encoding", "identity"), ("X-HTTP-Method-Override", "DELETE"), ("X-Original-URL", "/"), ("Upgrade", "h2c"), ("TE", "trailers"),
        ("Trailer", "X"), ("Cookie", "router=x; a"), ("Idempotency-Key", "1"), ("Forwarded", "for=1"), ("Authorization", "Bearer x"),
        ("Authorization", ""), ("Authorization", "Negotiate AAAA"), ("Content-Type", ";"), ("Content-Type", "application/json; charset=utf-16"),
        ("Content-Type", "APPLICATION/JSON;x=\"\\\"\""), ("Prefer", "return=representation, shard-route"), ("Prefer", "return=\"a\\"),
        ("Prefer", ",,;;=,"), ("Origin", "null"), ("Host", ""), ("Host", "a b"), ("Proxy-Connection", "close"), ("X-Content-Length", "5"),
    ];

    public static readonly string[] JsonTexts =
    [
        "", " ", "{", "}", "[", "nul", "null", "true", "1", "\"\"", "{}", "[]", "{\"a\":}", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "{'a':1}", "// x\n{}", "{}{}",
        "{\"a\":1e999999999}", "{\"a\":-0}", "{\"a\":1E+400}", "{\"a\":00}", "{\"a\":.5}", "{\"a\":\"\\u0000\"}", "{\"a\":\"\\ud800\"}", "{\"\\ud800\":1}",
        "{\"a\":\"\\x\"}", "{\"\":{\"\":[]}}", "\ufeff{}", "{\"keys\":null}", "{\"ops\":[null]}", "{\"ops\":[[]]}", "{\"pk\":1}", "{\"keys\":[{}]}",
    ];

    /// <summary>A text without what would end the header that it becomes the value of.</summary>
    public static string InHeader(string text) => text.Replace('\r', 'r').Replace('\n', 'n').Replace('\0', '0');
}
