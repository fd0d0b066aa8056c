using System.Text;
using Fuzz.Making;

namespace Fuzz;

/// <summary>What failed once. Every run begins with these.</summary>
internal static class KnownCases
{
    public static IReadOnlyList<FuzzCase> All { get; } =
    [
        Bytes("GET /v1/collections/fuzz HTTP/1.1\r\nHost: fuzz\r\nContent-Length: 99999999999\r\n\r\n"),
        Bytes("PUT /v1/collections/fuzz HTTP/1.1\r\nHost: fuzz\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n"),
        // Seed 1: whoever broke off a body made the router log an error.
        new(CaseKind.BrokenOff, Encoding.Latin1.GetBytes(
            "PUT /v1/collections/fuzz/items/k1/k1 HTTP/1.1\r\nHost: fuzz\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"a\""), null, null),
    ];

    private static FuzzCase Bytes(string text) => new(CaseKind.Mutated, Encoding.Latin1.GetBytes(text), null, null);
}
