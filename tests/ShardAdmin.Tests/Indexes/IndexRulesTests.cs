using ShardAdmin.Indexes;
using ShardCore.Indexes;
using ShardCore.Ring;

namespace ShardAdmin.Tests.Indexes;

public sealed class IndexRulesTests
{
    /// <summary>
    /// What two shards have: state, and "!" for an index that is not whole, "?" for a problem, "&lt;" for an earlier definition; "-" is none.
    /// </summary>
    [Theory]
    [InlineData("ready", "ready", "None")]
    [InlineData("building!", "building!", "Build")]
    [InlineData("built", "building!", "Build")]
    [InlineData("built", "built", "Build")] // to say that it is ready
    [InlineData("ready", "built", "Build")]
    [InlineData("ready", "ready!", "Build")] // somebody dropped it
    [InlineData("ready", "-", "Build")]
    [InlineData("failed?", "failed?", "None")]
    [InlineData("failed?", "building!", "Build")] // a repetition that stopped half-way
    [InlineData("failed?", "building?", "GiveUp")]
    [InlineData("built?", "building!", "GiveUp")]
    [InlineData("ready?", "ready", "GiveUp")]
    [InlineData("dropping", "ready", "Drop")]
    [InlineData("dropping", "-", "Drop")]
    [InlineData("dropping", "building?", "Drop")]
    [InlineData("-", "-", "None")]
    [InlineData("dropped", "-", "None")]
    [InlineData("dropped", "dropped", "None")]
    [InlineData("dropped", "ready", "Drop")] // the second shard lost the drop
    [InlineData("dropped", "dropping", "Drop")]
    [InlineData("dropped", "ready<", "Drop")]
    [InlineData("ready", "dropped<", "Build")] // it lost the later definition
    [InlineData("ready", "dropping<", "Build")]
    [InlineData("ready", "ready<", "Build")]
    [InlineData("failed?", "ready<", "None")]
    public void What_is_done_depends_on_what_all_shards_have(string first, string second, string expected)
    {
        Assert.Equal(expected, IndexRules.Decide(Sight(first, second)).ToString());
        Assert.Equal(expected, IndexRules.Decide(Sight(second, first)).ToString());
    }

    [Fact]
    public void A_definition_that_is_being_written_is_not_brought_to_the_others() =>
        Assert.Equal(IndexTask.None, IndexRules.Decide(Sight("ready", "-", ageSeconds: 2)));

    [Fact]
    public void Definitions_that_differ_are_left_alone_unless_one_is_to_be_dropped()
    {
        var (one, other) = (Index("ready", 60)!, Index("ready", 60)! with { IsUnique = true });
        Assert.Equal(IndexTask.Differs, IndexRules.Decide(Of(one, other)));
        Assert.Equal(IndexTask.Drop, IndexRules.Decide(Of(one with { State = "dropping" }, other)));
    }

    [Fact]
    public void Of_a_collection_that_is_being_deleted_nothing_is_built_and_what_builds_is_ended()
    {
        var unwanted = Index("building!", 60)! with { IsWanted = false };
        Assert.Equal(IndexTask.None, IndexRules.Decide(Of(unwanted, Index("building!", 60))));
        Assert.Equal(IndexTask.Quit, IndexRules.Decide(Of(unwanted, Index("building!", 60)! with { IsHeld = true })));
    }

    [Theory]
    [InlineData("a.b", "a.b", null, false)]
    [InlineData("n:number", "n", "number", false)]
    [InlineData("n:number:desc", "n", "number", true)]
    [InlineData("n::desc", "n", null, true)]
    [InlineData("/a:b/c~1d:text:asc", "/a:b/c~1d", "text", false)]
    public void A_field_is_read_as_it_is_typed(string text, string path, string? type, bool descending)
    {
        var field = IndexField.Parse(text)!;
        Assert.Equal((path, type, descending), (field.Path, field.Type, field.Descending));
        Assert.Equal(field.ToString(), IndexField.Parse(field.ToString())!.ToString());
        Assert.Equal(field.ToString(), Assert.Single(IndexField.Read(IndexField.Write([field]))).ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("n:numbr")]
    [InlineData("n:")]
    [InlineData("a..b")]
    [InlineData("n:number:down")]
    public void Something_else_is_no_field(string text) => Assert.Null(IndexField.Parse(text));

    [Fact]
    public void Progress_grows_from_phase_to_phase()
    {
        (string Phase, long Done)[] phases =
        [
            ("initializing", 0), ("waiting for writers before build", 0), ("building index: scanning table", 1), ("building index: scanning table", 9),
            ("building index: sorting live tuples", 0), ("building index: loading tuples in tree", 9), ("waiting for writers before validation", 0),
            ("index validation: scanning index", 9), ("index validation: sorting tuples", 0), ("index validation: scanning table", 9), ("waiting for old snapshots", 0),
        ];
        foreach (var isUnique in (bool[])[false, true])
        {
            double[] shares = [.. phases.Select(each => IndexProgress.ShareOf(new IndexProgress.Seen(each.Phase, isUnique, each.Done, 10, each.Done, 10), isUnique))];
            Assert.Equal(shares.Order(), shares);
            Assert.InRange(shares[^1], 0.4, 0.99);
        }
    }

    private static IndexSight Sight(string first, string second, double ageSeconds = 60) => Of(Index(first, ageSeconds), Index(second, ageSeconds));

    private static IndexSight Of(IndexInShard? first, IndexInShard? second) => new(
        new IndexKey("c", "i"), new Dictionary<ShardId, IndexInShard?> { [new ShardId("s1")] = first, [new ShardId("s2")] = second }, []);

    private static IndexInShard? Index(string text, double ageSeconds) => text == "-" ? null : new IndexInShard(
        "c", "i", "[]", IsUnique: false, text.EndsWith('<') ? default : DateTime.UnixEpoch, ageSeconds, text.TrimEnd('!', '?', '<'), 0, text.EndsWith('?') ? "A problem." : null, "c.i",
        !text.EndsWith('!'), IsWanted: true, 0, IsHeld: false, null);
}
