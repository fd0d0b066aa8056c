using Xunit.Sdk;

namespace ShardRouter.Tests.Gathering;

/// <summary>What finds faults must find each kind of them.</summary>
public sealed class KeyHistoryTests
{
    private static readonly KeyExchange[] Sound =
    [
        new(KeyAct.Get, 0, null, false, 0, 1, 404),
        new(KeyAct.Put, 1, null, true, 2, 10, 201, "\"10\""),
        new(KeyAct.Put, 2, "\"10\"", false, 4, 12, 200, "\"20\""),
        new(KeyAct.Patch, 3, null, false, 5, 13, 200, "\"30\""),
        new(KeyAct.Get, 0, null, false, 6, 9, 200, "\"30\"", new KeyDocument(2, 3)),
        new(KeyAct.Put, 4, "\"10\"", false, 6, 14, 412, "\"20\""),
        new(KeyAct.BadPatch, 5, null, false, 6, 14, 422),
        new(KeyAct.Delete, 6, "\"30\"", false, 15, 20, 204),
        new(KeyAct.Delete, 7, null, false, 15, 21, 404),
        new(KeyAct.Put, 8, null, false, 22, 23, 201, "\"40\""),
        new(KeyAct.Delete, 9, null, false, 24, 25, 204),
        new(KeyAct.Get, 0, null, false, 26, 27, 404),
    ];

    private static readonly Dictionary<string, KeyExchange> Faults = new(StringComparer.Ordinal)
    {
        ["a stale read"] = new(KeyAct.Get, 0, null, false, 14, 16, 200, "\"20\"", new KeyDocument(2, null)),
        ["a read of a document that the version does not have"] = new(KeyAct.Get, 0, null, false, 6, 9, 200, "\"30\"", new KeyDocument(2, null)),
        ["a version that nobody wrote"] = new(KeyAct.Get, 0, null, false, 6, 9, 200, "\"31\"", new KeyDocument(2, 3)),
        ["a missing item that is there"] = new(KeyAct.Get, 0, null, false, 13, 14, 404),
        ["a lost write"] = new(KeyAct.Put, 10, null, false, 24, 25, 201, "\"50\""),
        ["two writes on one version"] = new(KeyAct.Put, 10, "\"10\"", false, 4, 12, 200, "\"21\""),
        ["a write that created what was there"] = new(KeyAct.Put, 10, null, true, 4, 12, 201, "\"21\""),
        ["a later write with a lower version"] = new(KeyAct.Put, 10, null, false, 13, 14, 200, "\"15\""),
        ["one version twice"] = new(KeyAct.Put, 10, null, false, 4, 12, 200, "\"20\""),
        ["a refusal for no reason"] = new(KeyAct.Put, 10, "\"30\"", false, 13, 14, 412, "\"30\""),
        ["a refusal that names a version of another time"] = new(KeyAct.Put, 10, "\"10\"", false, 22, 23, 412, "\"20\""),
        ["a delete too many"] = new(KeyAct.Delete, 10, null, false, 24, 25, 204),
        ["an answer that no order can give"] = new(KeyAct.Put, 10, null, false, 24, 25, 500),
    };

    public static TheoryData<string> Names => [.. Faults.Keys];

    [Fact]
    public void A_sound_history_passes() => KeyHistory.Check(Sound);

    [Theory]
    [MemberData(nameof(Names))]
    public void A_fault_is_found(string fault) => Assert.True(Record.Exception(() => KeyHistory.Check([.. Sound, Faults[fault]])) is XunitException);
}
