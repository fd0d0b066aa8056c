using ShardAdmin.Collections;
using ShardAdmin.Indexes;
using ShardAdmin.Keys;
using ShardAdmin.Output;
using ShardAdmin.Shards;
using ShardCore.Ring;

namespace ShardAdmin.Examining;

/// <summary>The checks of all shards that answered, for doctor. Pure.</summary>
internal static class ShardChecks
{
    /// <summary>
    /// Versions come from the shards' clocks. After a hand-over the new owner's versions begin above those of the old owner, so a skew does
    /// no harm; a large one is reported.
    /// </summary>
    private static readonly TimeSpan LargestSkew = TimeSpan.FromSeconds(1);

    /// <summary>A good finding holds only for the shards that answered; the others are named.</summary>
    public static IEnumerable<Finding> Of(ShardRing ring, IReadOnlyDictionary<ShardId, ShardExamination> answers)
    {
        var shards = answers.Where(answer => answer.Value.IsReadable).ToDictionary(answer => answer.Key, answer => answer.Value);
        var schema = Finding.Of(
            "schema", FindingLevel.Failed,
            [.. Each(answers, shard =>
                shard.Schema.IsCurrent ? null : shard.Schema.Problem ?? $"lacks {string.Join(", ", shard.Schema.Pending)}.")],
            "Up to date, without drift.", "shardadmin migrate");
        Finding[] others = [.. OfReadable(ring, shards).Select(finding => WithOthers(finding, ring, shards))];
        return [.. others.Take(2), WithOthers(schema, ring, answers), .. others.Skip(2)]; // behind who they are
    }

    private static Finding WithOthers(Finding finding, ShardRing ring, IReadOnlyDictionary<ShardId, ShardExamination> asked)
    {
        if (finding.Level != FindingLevel.Ok || asked.Count == ring.Shards.Length)
            return finding;
        var others = string.Join(", ", ring.Shards.Select(shard => shard.Id).Where(id => !asked.ContainsKey(id)));
        return finding with { Detail = asked.Count == 0 ? "Not checked: no shard can be read." : $"{finding.Detail} Not checked: {others}." };
    }

    private static IEnumerable<Finding> OfReadable(ShardRing ring, IReadOnlyDictionary<ShardId, ShardExamination> shards)
    {
        yield return Finding.Of(
            "shard-identity", FindingLevel.Failed, [.. Strangers(ring, shards)], "Each database is the shard that the ring says.",
            "shardadmin ring show, and correct the address of that shard");
        yield return Finding.Of(
            "cursor-secret", FindingLevel.Failed,
            Secrets(shards) > 1 ? ["The shards have different cursor secrets: cursors of one router fail at another."] : [],
            "The same in every shard.", "copy sharding.cluster.cursor_secret from one shard to the others");
        yield return Ownership(ring, shards);
        yield return Finding.Of(
            "shard-list-copies", FindingLevel.Warning, [.. Each(shards, shard => CopyProblem(ring, shard))],
            "Every shard has the ring's list of shards.", NextForCopies(shards));
        yield return Finding.Of(
            "collections", FindingLevel.Failed, [.. Collections(shards)], "The same in every shard.",
            "shardadmin collections create NAME for one that is missing, collections delete NAME for one being deleted");
        yield return IndexChecks.Of(
            shards.ToDictionary(shard => shard.Key, shard => shard.Value.Indexes),
            shards.ToDictionary(shard => shard.Key, shard => shard.Value.StrayIndexes));
        yield return KeyChecks.Of(shards.Where(shard => shard.Value.Keys is not null)
            .ToDictionary(shard => shard.Key, shard => shard.Value.Keys!));
        yield return Finding.Of(
            "rights", FindingLevel.Warning, [.. Each(shards, shard => shard.Rights.Length == 0 ? null : $"missing: {shard.Rights}.")],
            "The roles have what they need and no more; PUBLIC has nothing.", "shardadmin migrate, as a member of the schema's owner");
        yield return Finding.Of(
            "residue", FindingLevel.Warning,
            [.. Each(shards, shard =>
                shard.ResidueSlots == 0 ? null : $"rows are left in {Tables.Counted(shard.ResidueSlots, "slot")} that it does not own.")],
            "None.", "shardadmin verify   (shows which rows; no client sees them)");
        yield return Finding.Of(
            "frozen-slots", FindingLevel.Failed,
            [.. Each(shards, shard =>
                shard.OverdueSlots == 0 ? null : $"{Tables.Counted(shard.OverdueSlots, "slot")} frozen past the deadline.")],
            "None past its deadline.", "docs/operations/runbook.md, \"Slots stay frozen\"");
        yield return Finding.Of(
            "moves", FindingLevel.Warning,
            [.. Each(shards, shard => shard.UnfinishedMoves == 0
                ? null
                : $"not finished: {Tables.Counted(shard.UnfinishedMoves, "batch", "batches")} of moves.")],
            "None unfinished.", $"shardadmin ops resume {First(shards, shard => shard.Unfinished)}   (shardadmin ops list shows all)");
        yield return Finding.Of(
            "disputed-moves", FindingLevel.Failed,
            [.. Each(shards, shard => shard.Disputed.Length == 0
                ? null
                : $"a person has to decide which copy of the slots of operation {shard.Disputed} is right.")],
            "None.", $"shardadmin ops settle {First(shards, shard => shard.Disputed)}");
        yield return Finding.Of(
            "restored-moves", FindingLevel.Warning,
            [.. Each(shards, shard => shard.Restored.Length == 0
                ? null
                : $"operation {shard.Restored} was planned before this shard failed over or was restored; no agent continues it.")],
            "None.",
            $"shardadmin ops resume {First(shards, shard => shard.Restored)}, if it is still wanted; "
            + $"or: shardadmin ops cancel {First(shards, shard => shard.Restored)}");
        yield return Finding.Of(
            "read-only", FindingLevel.Failed, [.. Each(shards, shard => ForeignSettings.ReadOnlyProblem(shard.Settings))],
            "No shard is set to read-only.",
            "alter database … reset default_transaction_read_only (alter role …, alter system …); routers accept writes a second later");
        yield return Finding.Of(
            "durability", FindingLevel.Warning, [.. Each(shards, shard => ForeignSettings.DurabilityProblem(shard.Settings))],
            "Acknowledged writes survive a crash of any shard.",
            "set synchronous_commit, fsync and full_page_writes to on, unless losing the last writes is accepted");
        yield return Finding.Of(
            "session-settings", FindingLevel.Warning, [.. Each(shards, shard => ForeignSettings.OverriddenProblem(shard.Settings))],
            "None that this product has to override.",
            "none needed: routers and shardadmin use their own settings; if nobody else needs these: alter database … reset …, "
            + "alter role … reset …");
        yield return Finding.Of(
            "standbys", FindingLevel.Warning,
            [.. Each(shards, shard => string.Join(" ", shard.Standbys.Problems()) is { Length: > 0 } problems ? problems : null)],
            string.Join(" ", Takeovers(shards)),
            "see to those hosts and standbys (docs/operations/high-availability.md)");
        yield return Skew(shards);
        yield return Finding.Of(
            "wal-level", FindingLevel.Warning,
            [.. Each(shards, shard =>
                shard.Server.WalLevel == "logical" ? null : $"wal_level is {shard.Server.WalLevel}; moving data needs logical.")],
            "logical.", "alter system set wal_level = 'logical', then restart that Postgres");
        foreach (var finding in MoveChecks.Of(shards))
            yield return finding;
    }

    /// <summary>The problems of the shards; shards with the same problem stand together.</summary>
    public static IEnumerable<string> Each(
        IReadOnlyDictionary<ShardId, ShardExamination> shards, Func<ShardExamination, string?> problem) =>
        shards.OrderBy(shard => shard.Key).Select(shard => (shard.Key, Problem: problem(shard.Value)))
            .Where(found => found.Problem is not null)
            .GroupBy(found => found.Problem, StringComparer.Ordinal)
            .Select(same => $"{string.Join(", ", same.Select(found => found.Key))}: {same.Key}");

    private static string First(IReadOnlyDictionary<ShardId, ShardExamination> shards, Func<ShardExamination, string> operations) =>
        shards.OrderBy(shard => shard.Key).Select(shard => operations(shard.Value))
            .FirstOrDefault(text => text.Length > 0)?.Split(' ')[0] ?? "ID";

    private static IEnumerable<string> Takeovers(IReadOnlyDictionary<ShardId, ShardExamination> shards) =>
        shards.OrderBy(shard => shard.Key)
            .GroupBy(shard => (shard.Value.Standbys.IsAlone, shard.Value.Standbys.TakeoverLoses))
            .Select(same => same.Key.IsAlone
                ? $"No standby: {Ids(same)}. What no backup has is lost with the server."
                : $"A takeover of {Ids(same)} now would lose {same.Key.TakeoverLoses}.");

    private static string Ids(IEnumerable<KeyValuePair<ShardId, ShardExamination>> shards) =>
        string.Join(", ", shards.Select(shard => shard.Key));

    /// <summary>While slots move, shards learn the ring's later epochs at the end of the operation. So its end mends the copies.</summary>
    private static string NextForCopies(IReadOnlyDictionary<ShardId, ShardExamination> shards) =>
        First(shards, shard => shard.Unfinished) is not "ID" and var operation
            ? $"shardadmin ops resume {operation}"
            : "shardadmin ring rebuild";

    private static IEnumerable<string> Strangers(ShardRing ring, IReadOnlyDictionary<ShardId, ShardExamination> shards) =>
        shards.Where(shard => shard.Value.Identity?.Cluster != ring.Cluster || shard.Value.Identity?.Shard != shard.Key)
            .Select(shard =>
                $"{shard.Key}: the database is "
                + $"{(shard.Value.Identity is { } other ? $"shard {other.Shard} of {other.Cluster}" : "not a shard")}.");

    private static int Secrets(IReadOnlyDictionary<ShardId, ShardExamination> shards) =>
        shards.Values.Select(shard => shard.Identity).OfType<ShardCore.Shards.ShardIdentity>()
            .Select(identity => Convert.ToHexString(identity.CursorSecret.Span)).Distinct(StringComparer.Ordinal).Count();

    private static Finding Ownership(ShardRing ring, IReadOnlyDictionary<ShardId, ShardExamination> shards)
    {
        const string check = "slot-ownership";
        if (shards.Count < ring.Shards.Length)
            return new Finding(
                check, FindingLevel.Warning, "Not checked: this check needs every shard.", "start the shards that do not answer");
        var map = OwnershipMap.Of(shards.ToDictionary(shard => shard.Key, shard => shard.Value.Runs));
        if (!map.IsComplete)
            return new Finding(check, FindingLevel.Failed, string.Join(" ", map.Problems()), NextFor(map, shards));
        return map.Owners.SequenceEqual(ring.Owners)
            ? Finding.Ok(check, "Each slot has one owner, the one that the ring says.")
            : new Finding(check, FindingLevel.Failed, "The ring names other owners than the shards.", "shardadmin ring rebuild");
    }

    /// <summary>
    /// The command for slots without an owner or with two. With two owners: the shard that lost its release releases again. Without an
    /// owner: a mover makes the target the owner, or finds out why that is impossible.
    /// </summary>
    private static string NextFor(OwnershipMap map, IReadOnlyDictionary<ShardId, ShardExamination> shards) =>
        First(shards, shard => shard.Disputed) is not "ID" and var operation ? $"shardadmin ops settle {operation}"
        : map.OwnedTwice.Any() || shards.Values.Any(shard => shard.UnfinishedMoves > 0) ? "shardadmin ops resume"
        : map.Unfinished.Count > 0 ? $"docs/operations/runbook.md, \"A shard lost commits\": {map.Unfinished[0].To} lost slots that "
            + $"{map.Unfinished[0].From} handed over to it at epoch {map.Unfinished[0].Epoch}"
        : "shardadmin verify; docs/operations/runbook.md, \"Slots without an owner, or with two\"";

    private static string? CopyProblem(ShardRing ring, ShardExamination shard) => shard.Identity switch
    {
        null => null, // the check shard-identity reports it
        var identity when !identity.Shards.SequenceEqual(ring.Shards) => $"its copy, of epoch {identity.RingEpoch}, lists other shards.",
        var identity when identity.RingEpoch != ring.Epoch => $"its copy has epoch {identity.RingEpoch}, the ring {ring.Epoch}.",
        _ => null,
    };

    private static IEnumerable<string> Collections(IReadOnlyDictionary<ShardId, ShardExamination> shards) =>
        CollectionSurvey.Of(shards.ToDictionary(shard => shard.Key, shard => shard.Value.Collections))
            .Where(line => line.State != "live")
            .Select(line => line.State == "beingDeleted"
                ? $"{line.Name} is being deleted."
                : $"{line.Name} is missing in {string.Join(", ", line.MissingIn)}.");

    private static Finding Skew(IReadOnlyDictionary<ShardId, ShardExamination> shards)
    {
        var skew = shards.Count == 0
            ? TimeSpan.Zero
            : shards.Values.Max(shard => shard.ClockOffset) - shards.Values.Min(shard => shard.ClockOffset);
        return skew <= LargestSkew
            ? Finding.Ok("clock-skew", $"The shards' clocks are within {Math.Max(1, skew.TotalMilliseconds):0} ms.")
            : new Finding(
                "clock-skew", FindingLevel.Warning, $"The shards' clocks are {skew.TotalSeconds:0.0} s apart.",
                "run a time service (chrony) on every shard's machine");
    }
}
