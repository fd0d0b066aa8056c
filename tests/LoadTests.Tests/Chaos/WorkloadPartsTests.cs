using System.Text;
using System.Text.Json;
using Chaos.Recording;
using Chaos.Workloads;
using Workbench;

namespace LoadTests.Tests.Chaos;

public sealed class WorkloadPartsTests
{
    private static readonly (string, string)[] Items = [("p", "a"), ("q", "b"), ("p", "c"), ("p", "d")];

    [Fact]
    public void The_answer_to_a_batch_is_taken_apart_into_what_each_item_would_have_got_alone()
    {
        var parts = BatchCalls.PartsOf(Answer(207, """
            {"results":[{"status":200,"pk":"p","id":"a","etag":"\"7\"","doc":{"in":"p/a"}},
            {"status":404,"pk":"q","id":"b","error":{"code":"item-not-found"}},
            {"status":412,"pk":"p","id":"c","etag":"\"8\"","error":{"currentEtag":"\"8\""}},
            {"status":504,"pk":"p","id":"d","error":{"outcome":"unknown"}}]}
            """), Items);

        Assert.Equal([OperationOutcome.Ok, OperationOutcome.Fail, OperationOutcome.Fail, OperationOutcome.Unknown], parts.Select(part => part.Outcome));
        Assert.Equal((7, "p/a"), (parts[0].ETag, parts[0].Json(document => document.GetProperty("in").GetString())));
        Assert.True(parts[1].IsItemNotFound);
        Assert.True(parts[2].IsRefused);
        Assert.Equal(8, parts[2].CurrentVersion);
    }

    [Fact]
    public void A_batch_that_failed_as_a_whole_failed_for_each_item() =>
        Assert.Equal([0, 0, 0, 0], BatchCalls.PartsOf(Answer(0, "closed"), Items).Select(part => part.Status));

    [Fact]
    public void An_answer_to_other_items_is_not_taken_for_an_answer() => Assert.Throws<WrongAnswerException>(
        () => BatchCalls.PartsOf(Answer(200, """{"results":[{"status":200,"pk":"q","id":"a"}]}"""), [("p", "a")]));

    [Fact]
    public void A_large_document_is_recorded_as_its_value_and_one_with_another_pad_as_what_nobody_wrote()
    {
        var value = WrittenValue.Of("k", RegisterDocument.IdOf(isLarge: true), 7);
        var document = RegisterDocument.Of(value);

        Assert.InRange(document.Length, 200_000, 210_000);
        Assert.Equal(value, Recorded(document));
        Assert.NotEqual(value, Recorded(document.Replace("k/r-large#7", "k/r-large#8", StringComparison.Ordinal)));
        Assert.NotEqual("k/r#8", Recorded(document.Replace(value, "k/r#8", StringComparison.Ordinal)));
        Assert.Equal(["k/r-large#7"], RegisterDocument.BesidePatch(Parsed(document.Replace("{", "{\"patch\":\"k/p#9\",", StringComparison.Ordinal)))!);
    }

    [Fact]
    public void A_listed_document_of_another_item_is_recorded_as_what_nobody_wrote()
    {
        var owner = ListedItem.Owner("in");

        Assert.Equal("s1/i1", owner(Parsed("""{"pk":"s1","id":"i1","doc":{"in":"s1/i1"}}""")));
        Assert.Equal("s1/i1 holding s2/i1", owner(Parsed("""{"pk":"s1","id":"i1","doc":{"in":"s2/i1"}}""")));
    }

    [Fact]
    public void Neighbours_are_the_newest_others()
    {
        var neighbours = new Neighbours<string>(2);
        foreach (var partition in (string[])["a", "b", "c"])
            neighbours.Add(partition);

        Assert.Equal(["b"], neighbours.Others(new Random(1), "c", 3));
    }

    private static string Recorded(string document) => RegisterDocument.LastWritten(Parsed(document));

    private static JsonElement Parsed(string text) => JsonDocument.Parse(text).RootElement;

    private static ApiAnswer Answer(int status, string body) =>
        new(status, null, Encoding.UTF8.GetBytes(body), "proxy") { Outcome = ApiAnswer.OutcomeOf(status, Encoding.UTF8.GetBytes(body)) };
}
