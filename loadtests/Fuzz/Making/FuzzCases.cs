using System.Text;

namespace Fuzz.Making;

/// <summary>
/// Makes the cases of a run from its seed. Only what comes from earlier answers (<see cref="Harvest"/>) differs when a run is repeated.
/// </summary>
internal sealed class FuzzCases(RequestMaker maker, int seed)
{
    private static readonly byte[][] Greetings =
    [
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray(), [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03], "SSH-2.0-x\r\n"u8.ToArray(),
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"u8.ToArray(), [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f], "*1\r\n$4\r\nPING\r\n"u8.ToArray(), "\r\n\r\n\r\n"u8.ToArray(),
        "GET /\r\n\r\n"u8.ToArray(), "GET / HTTP/9.9\r\n\r\n"u8.ToArray(), [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a],
    ];

    public FuzzCase Make(long number)
    {
        var chance = new Chance(seed, number);
        return chance.Below(100) switch
        {
            < 60 => One(chance),
            < 65 => Pipeline(chance),
            < 90 => new FuzzCase(CaseKind.Mutated, ByteMutation.Mutate(Made(chance).ToBytes(), chance), null, null),
            < 95 => new FuzzCase(CaseKind.Noise, Noise(chance), null, null),
            _ => BrokenOff(chance),
        };
    }

    private FuzzRequest Made(Chance chance)
    {
        var request = maker.Make(chance);
        if (!chance.OneIn(4))
            RequestSpoiler.Spoil(request, chance);
        return request;
    }

    private FuzzCase One(Chance chance)
    {
        var request = Made(chance);
        return new FuzzCase(CaseKind.Request, request.ToBytes(), request, 1);
    }

    /// <summary>Right requests, so that no answer closes the connection.</summary>
    private FuzzCase Pipeline(Chance chance)
    {
        var count = 2 + chance.Below(8);
        var requests = Enumerable.Repeat(0, int.MaxValue).Select(_ => maker.Make(chance)).Where(request => request.Method != "HEAD").Take(count).ToArray();
        return new FuzzCase(CaseKind.Pipeline, [.. requests.SelectMany(request => request.ToBytes())], null, requests.Length);
    }

    private static byte[] Noise(Chance chance) => chance.Below(3) switch
    {
        0 => chance.Bytes(1 + chance.Length()),
        1 => [.. chance.Of(Greetings), .. chance.Bytes(chance.Below(100))],
        _ => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 1 + chance.Below(20)).Select(_ => chance.Of(OddValues.Texts) + "\r\n"))),
    };

    private FuzzCase BrokenOff(Chance chance)
    {
        var bytes = Made(chance).ToBytes();
        return new FuzzCase(CaseKind.BrokenOff, chance.OneIn(2) ? bytes : bytes[..chance.Below(bytes.Length)], null, null);
    }
}
