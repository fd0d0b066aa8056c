using Npgsql;
using NpgsqlTypes;
using ShardAdmin.CommandLine;
using ShardAdmin.Failures;
using ShardAdmin.Operations;
using ShardAdmin.Rings;
using ShardAdmin.Settings;
using ShardCore.Ring;
using ShardCore.RingDocuments;
using ShardCore.Shards;
using ShardCore.Shards.Failover;

namespace ShardAdmin.Backups;

/// <summary>
/// Makes a restore point with the same name in the WAL of every shard, at a moment when no slot is between two owners. If all shards are
/// restored to this point, they fit together.
/// </summary>
/// <remarks>
/// <para>Steps. 1 check primaries, rights, and that the name is new · 2 hold hand-overs at all shards (<see cref="HandOverHold"/>) ·
/// 3 wait until every slot has exactly one owner (<see cref="HandOversAtRest"/>) · 4 read the ring and the journals · 5 write a row with
/// the name into every shard · 6 make a restore point in every server · 7 ask every session that holds whether it has held all the time ·
/// 8 write the LSN of the restore point into the row of step 5, and release the hold · 9 switch the WAL, and wait until the archive has
/// it.</para>
/// <para>Promises for shards that are restored to the point: (a) each slot has exactly one owner; (b) that owner has every write that was
/// acknowledged before the command began; (c) every move that was under way can be resumed or cancelled, and no batch is disputed that was
/// not disputed before. Writes go on all the time. Of two writes to different shards during step 6, the later one may be restored without
/// the earlier one. No client was promised more: a request touches one partition, and a partition is on one shard.</para>
/// <para>Why. Let H be the time from the end of step 2 until the answers of step 7. Each restore point lies in H, because a session that
/// still has its lock in step 7 has had it since step 2 (migrations/shard/0008). Some steps of a move are refused during H. Each of them
/// was therefore committed before H, or is committed after every restore point.</para>
/// <para>(a) Ownership changes only by release, own, follow, give back, take back and keep (0006, 0007). Step 3 first saw that no shard has
/// a frozen or released batch, and only then read the owners: each slot has exactly one. During H:
/// No slot becomes frozen, because <c>move_freeze</c> is refused.
/// No release happens, because a release needs a frozen batch.
/// No target comes to own a slot, because that needs a batch that its journal shows as released.
/// No follow happens, because a follow needs a slot with two owners.
/// No keep and no take back happen, because they need a slot without an owner.
/// No give back happens, because it is refused.
/// Therefore the owner of a slot in step 3 is its owner at all restore points.</para>
/// <para>(b) The shard that acknowledged a write owned the slot at that time. First case: it still owns the slot at its restore point.
/// Then the write is before that point in its own WAL. Second case: it gave the slot away before H, by complete hand-overs. Then the new
/// owner had the write in its WAL before it owned the slot: it owns only with the seal, and the seal is committed after all rows that were
/// brought (<see cref="ShardCore.Moves.BatchMover"/>, b and e). The new owner came to own before H, so its restore point is after that
/// commit too. The old owner deletes its rows only after "verified", that is after the new owner owned them. Therefore a cut in which the
/// old owner has deleted the rows never has a new owner that lacks them.</para>
/// <para>(c) Some steps of the source record that the target has done something: "verified" records that the rows were compared, and the
/// end of the journal entry records that the import has ended. Such a record must not be restored without the work that it records. These
/// steps of the source are refused during H, so each of them that is before the source's restore point was committed before H. The
/// target's work was committed earlier still, and is before the target's restore point. The opposite, a target that is ahead of its
/// source, is harmless: a mover meets it after every crash. A seal that the restored target has and the restored source does not know has
/// no effect, because no release names it. Rows that writers kept for the comparison (<c>before_image</c>) are written together with the
/// row itself and deleted with "compared", both at the target alone. The exhaustive model checks all of this
/// (<c>BackupCutTests</c>).</para>
/// <para>Collections. A deletion begins with a mark in every shard, and <c>collection_mark</c> is refused during H. Therefore a deletion
/// cannot begin, complete and free its name between two restore points; otherwise a restore would bring old items back under a new
/// collection of that name. A deletion that began before H is restored as begun, and the same command completes it. A creation that is
/// under way may be restored in some shards only; it was not acknowledged, and <c>doctor</c> names it.</para>
/// <para>Shards that join or leave during H have no slot then. The document has the shards of the ring at step 4.</para>
/// <para>What a crash leaves. If this process dies, the servers end its sessions and with them the hold, at once or within the limit.
/// Before step 5 nothing else remains; from step 5 on the name is used up. If a shard dies or fails over, its session is gone, and step 7
/// or 8 fails. The document is written only after all steps.</para>
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

    /// <exception cref="CommandFailedException">No backup point was made, and no document. The message says whether the name is used
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
                ExitCode.Conflict, $"Somebody else began a backup point {name} at the same time.", "shardadmin backup point ANOTHER-NAME");
        }
    }

    /// <summary>Reads the ring again: the known one was read before hand-overs were held.</summary>
    private async Task<ShardRing> RequireSameShardsAsync(ShardRing known, CancellationToken cancellation)
    {
        var ring = await session.RequireRingAsync(cancellation);
        return ring.Shards.SequenceEqual(known.Shards)
            ? ring
            : throw new CommandFailedException(
                ExitCode.Conflict, "The list of shards changed at the same time.", $"shardadmin backup point {name}");
    }

    /// <summary>
    /// Makes one restore point per server. If several shards are databases of one server, each of them has its row (step 5) by now.
    /// </summary>
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

    /// <summary>The facts at the end of the hold.</summary>
    private sealed record Cut(
        DateTimeOffset At, TimeSpan Held, ShardRing Ring,
        IReadOnlyDictionary<ShardId, IReadOnlyList<OwnershipRun>> Runs, IReadOnlyDictionary<ShardId, long> ListEpochs,
        IReadOnlyList<SourcedBatch> Unfinished, IReadOnlyDictionary<ShardId, RestorePoint> Places);
}

/// <param name="Position">The end of the restore point.</param>
/// <param name="WalFile">The WAL file that contains the last byte of the restore point.</param>
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
