using Npgsql;
using NpgsqlTypes;
using ShardAdmin.Cluster;
using ShardAdmin.CommandLine;
using ShardAdmin.Rebalancing;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards;
using ShardCore.Shards.History;

namespace ShardAdmin.Backups;

/// <summary>
/// Makes a restore point of one name in the WAL of every shard, at a moment at which no slot is between two owners. Shards that are all
/// restored to it fit together.
/// </summary>
/// <remarks>
/// <para>Steps. 1 look: primaries, rights, a new name · 2 hold hand-overs at all shards (<see cref="HandOverHold"/>) · 3 wait until every
/// slot has exactly one owner (<see cref="HandOversAtRest"/>) · 4 read the ring and the journals · 5 a row with the name in every shard ·
/// 6 a restore point in every server · 7 ask every session that holds whether it has held all the time · 8 note the place of the restore
/// point beside the name, and give hand-overs free · 9 switch the WAL, and see that the archive gets it.</para>
/// <para>What is promised of shards that are restored to the point: (a) each slot has exactly one owner, (b) that owner has every write
/// that was acknowledged before the command began, (c) every move that was under way can be resumed or cancelled, and none is disputed
/// that was not.
/// Writes go on all the time, so of two writes to different shards during step 6 the later one may be there without the earlier. Nobody
/// has been promised more: a request touches one partition, and a partition is on one shard.</para>
/// <para>Why. Call H the time from the end of 2 until the answers of 7. Each restore point lies in H, because a session that still has its
/// lock has had it since 2 (migrations/shard/0008). A step that is refused during H was therefore committed before H, or it is committed
/// after every restore point.</para>
/// <para>(a) Ownership changes at release, own, follow, give back, take back and keep (0006, 0007). During H no slot is frozen anew,
/// because <c>move_freeze</c> is refused. Step 3 has seen every shard without a batch that is frozen or released, all of them before it
/// read the slots. So no release follows in H, because a release needs a freeze. No target comes to own, because that needs a release that
/// stands in the journal as released. No follow happens, because that needs two owners, and no keep and no take back, because those need a
/// slot without an owner: 3 has seen that each slot has exactly one. Give back is refused. So whoever owns a slot at 3 owns it at all
/// restore points.</para>
/// <para>(b) The shard that acknowledged a write owned its slot. If it still does at its restore point, the write is before that point in
/// its own WAL. Otherwise it gave the slot away before H, by complete hand-overs, and the new owner had the write in its WAL before it
/// owned: it owns only with the seal, whose commit is behind all rows that were brought (<see cref="ShardCore.Moves.BatchMover"/>, b and
/// e). It came to own before H, so its restore point is behind that too. The old owner deletes its rows only after "verified", so after the
/// new one owned: no restore point at which they are deleted comes with one at which the new owner lacks them.</para>
/// <para>(c) A step of the source that says that the target has done something must not be there without it: "verified" says that the rows
/// were compared, and the end of the journal says that the import has ended. These steps of the source are refused during H, so each of
/// them that is at the source's restore point was committed before H. What it rests on was committed earlier still, and is at the target's
/// restore point. The other way round, a target that is ahead of its source, is what a mover meets after every crash. A seal that
/// the restored target has and the restored source does not know says nothing: no release names it. Rows that writers kept for the
/// comparison (<c>before_image</c>) are written with the row itself and deleted with "compared", both at the target alone. The exhaustive
/// model goes through all of it (<c>BackupCutTests</c>).</para>
/// <para>Collections. A deletion begins with a mark in every shard, and <c>collection_mark</c> is refused during H. So it cannot begin,
/// complete and free its name between two restore points, which would bring old items back under a new collection. A deletion that had
/// begun is at the point as begun, and the same command completes it. A creation that is under way may be in some shards only, and has not
/// been acknowledged; <c>doctor</c> names it.</para>
/// <para>Shards that join or leave during H have no slot then. The document has the shards of the ring at step 4.</para>
/// <para>What a crash leaves. Of this process: the server ends its sessions and with them the hold, at once or within the limit; up to 5
/// nothing else, then a name that is used. Of a shard, also a failover: its session is gone, and 7 or 8 fails. The document is written only
/// after all steps.</para>
/// </remarks>
internal sealed class BackupPoint(AdminSession session, string name, TimeSpan holdLimit)
{
    private const string MarkSql = "insert into sharding.backup_point (name, point_id) values ($1, $2)";

    private const string PointSql = """
        select concat_ws(
            ' ', (select system_identifier from pg_control_system()), left(pg_walfile_name(p.lsn - 1::numeric), 8), p.lsn,
            pg_walfile_name(p.lsn - 1::numeric))
        from pg_create_restore_point($1) p (lsn)
        """;

    private const string NoteSql = "update sharding.backup_point set lsn = $2::pg_lsn where name = $1";

    private readonly Guid _id = Guid.NewGuid();

    /// <exception cref="CommandFailedException">There is no point of this name, and no document; the message says whether the name is used
    /// up.</exception>
    public async Task<BackupPointDocument> MakeAsync(CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        var servers = await BackupPreflight.RequireAsync(session, ring, name, cancellation); // 1
        var cut = await CutAsync(ring, servers, cancellation); // 2 to 8
        var archived = await new WalArchive(session).SwitchAsync(ring, servers, cut.Places, cancellation); // 9
        return new BackupPointDocument(
            BackupPointDocument.Kind.Kind, BackupPointDocument.Kind.Schema, name, _id, ring.Cluster.Name, ring.Cluster.Id, cut.At,
            Math.Round(cut.Held.TotalMilliseconds, 1),
            AdminSession.Who, cut.Ring.Epoch.Value, RingDocumentCodec.Write(cut.Ring),
            [.. ring.Shards.Select(shard => Document(shard, cut, archived[shard.Id]))],
            [.. cut.Unfinished.Select(BackupBatch.Of)], "").WithChecksum();
    }

    private static BackupShard Document(Shard shard, Cut cut, bool? archived)
    {
        var place = cut.Places[shard.Id];
        return new BackupShard(
            shard.Id.Value, shard.Address, place.Position.System, place.Position.Timeline, place.Position.Lsn.ToString(), place.WalFile,
            archived, cut.ListEpochs[shard.Id],
            OwnedSlots.Of(cut.Runs[shard.Id]));
    }

    private async Task<Cut> CutAsync(ShardRing known, IReadOnlyDictionary<ShardId, string> servers, CancellationToken cancellation)
    {
        await using var hold = await HandOverHold.TakeAsync(session.Access, known.Shards, holdLimit, cancellation); // 2
        await session.Failpoint.ReachedAsync("backup-held", cancellation);
        var runs = await new HandOversAtRest(hold).AwaitAsync(cancellation); // 3
        var ring = await RequireSameShardsAsync(known, cancellation); // 4
        var unfinished = await MoveJournals.UnfinishedAsync(session, ring.Shards, cancellation);
        session.LeftOff = $"No backup point was made and no document written. The name {name} is used up.";
        session.CarryOn = "shardadmin backup point ANOTHER-NAME";
        await hold.EachAsync(held => MarkAsync(held, cancellation)); // 5
        await session.Failpoint.ReachedAsync("backup-marked", cancellation);
        var places = await PointAsync(hold, servers, cancellation); // 6
        var unbroken = await hold.EachAsync(held => held.IsUnbrokenAsync(cancellation)); // 7
        if (unbroken.Where(each => !each.Value).Select(each => each.Key).ToArray() is { Length: > 0 } broken)
            throw new CommandFailedException(
                ExitCode.Failed, $"Hand-overs were not held all the time at shard {string.Join(", ", broken)}, so slots may have moved "
                    + "between the restore points.", session.CarryOn);
        var at = TimeProvider.System.GetUtcNow();
        var epochs = await hold.EachAsync(held => held.AskAsync<long>("select ring_epoch from sharding.cluster", [], cancellation));
        await hold.EachAsync(
            held => held.AskAsync<object>(NoteSql, [name, places[held.Shard.Id].Position.Lsn.ToString()], cancellation)); // 8
        return new Cut(at, hold.Elapsed, ring, runs, epochs, unfinished, places);
    }

    private async Task<bool> MarkAsync(HeldShard held, CancellationToken cancellation)
    {
        try
        {
            await held.AskAsync<object>(MarkSql, [name, _id], cancellation);
            return true;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            throw new CommandFailedException(
                ExitCode.Conflict, $"Somebody else began a backup point {name} in this moment.", "shardadmin backup point ANOTHER-NAME");
        }
    }

    /// <summary>It was read before hand-overs were held.</summary>
    private async Task<ShardRing> RequireSameShardsAsync(ShardRing known, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        return ring.Shards.SequenceEqual(known.Shards)
            ? ring
            : throw new CommandFailedException(
                ExitCode.Conflict, "The shard list changed in this moment.", $"shardadmin backup point {name}");
    }

    /// <summary>One for each server: of several shards in its databases each has its row by now.</summary>
    private async Task<IReadOnlyDictionary<ShardId, RestorePoint>> PointAsync(
        HandOverHold hold, IReadOnlyDictionary<ShardId, string> servers, CancellationToken cancellation)
    {
        var places = new Dictionary<ShardId, RestorePoint>();
        foreach (var same in hold.Shards.GroupBy(held => servers[held.Shard.Id], StringComparer.Ordinal))
        {
            var first = same.First();
            var text = await Reach.ShardAsync(first.Shard, () => first.AskAsync<string>(PointSql, [name], cancellation));
            foreach (var held in same)
                places[held.Shard.Id] = RestorePoint.Parse(text!);
            await session.Failpoint.ReachedAsync("backup-pointed", cancellation);
        }
        return places;
    }

    /// <summary>All that is known at the end of the hold.</summary>
    private sealed record Cut(
        DateTimeOffset At, TimeSpan Held, ShardRing Ring,
        IReadOnlyDictionary<ShardId, IReadOnlyList<OwnershipRun>> Runs, IReadOnlyDictionary<ShardId, long> ListEpochs,
        IReadOnlyList<SourcedBatch> Unfinished, IReadOnlyDictionary<ShardId, RestorePoint> Places);
}

/// <param name="Position">Its end.</param>
/// <param name="WalFile">The file with its last byte.</param>
internal sealed record RestorePoint(ShardPosition Position, string WalFile)
{
    /// <param name="text">System identifier, timeline as 8 hex digits, LSN and file name.</param>
    public static RestorePoint Parse(string text)
    {
        var words = text.Split(' ');
        return new RestorePoint(
            new ShardPosition(words[0], Convert.ToUInt32(words[1], 16), NpgsqlLogSequenceNumber.Parse(words[2])), words[3]);
    }
}
