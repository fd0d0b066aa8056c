using System.Text.Json.Serialization;
using NpgsqlTypes;
using ShardAdmin.CommandLine;
using ShardAdmin.Output;
using ShardAdmin.Rebalancing;
using ShardCore.Ring;
using ShardCore.RingStorage;
using ShardCore.Shards;
using ShardCore.Shards.History;

namespace ShardAdmin.Backups;

/// <summary>A backup point as <c>backup point</c> writes it and <c>restore check</c> reads it.</summary>
/// <param name="Document">Always <see cref="Kind"/>.</param>
/// <param name="Schema">Of this document.</param>
/// <param name="Name">Of the restore point in each shard's WAL.</param>
/// <param name="Id">In each shard beside the name (<c>sharding.backup_point</c>).</param>
/// <param name="At">UTC, when all restore points had been made.</param>
/// <param name="HeldMs">How long hand-overs were held, in milliseconds.</param>
/// <param name="Epoch">Of the ring.</param>
/// <param name="Ring">The ring document, byte for byte as routers read it. While slots move it may be behind the shards, which
/// decide.</param>
/// <param name="Unfinished">Moves that stood in the journals.</param>
/// <param name="Checksum">SHA-256 of the document without it.</param>
internal sealed record BackupPointDocument(
    string Document, int Schema, string Name, Guid Id, string Cluster, Guid ClusterId, DateTimeOffset At, double HeldMs, string By,
    long Epoch, string Ring,
    IReadOnlyList<BackupShard> Shards, IReadOnlyList<BackupBatch> Unfinished, string Checksum)
{
    public static readonly DocumentKind Kind = new("shardadmin-backup-point", 1, "backup point", "shardadmin backup point NAME");

    public BackupPointDocument WithChecksum() => this with { Checksum = Sum() };

    public string Write() => CheckedDocument.Write(this);

    /// <exception cref="CommandFailedException">Exit 2: no backup point at all. Exit 4: damaged, edited, or of another version.</exception>
    public static BackupPointDocument Read(string text, string file) =>
        CheckedDocument.Read<BackupPointDocument>(text, file, Kind, document => document.Checksum == document.Sum());

    /// <exception cref="CommandFailedException">The ring in it is of another version of this program.</exception>
    public ShardRing ReadRing()
    {
        try
        {
            return RingDocumentCodec.Read(Ring);
        }
        catch (BadRingException e)
        {
            throw new CommandFailedException(
                ExitCode.Precondition, $"The ring in the backup point cannot be used: {e.Message}", "use the program that made it");
        }
    }

    public LastBackupPoint ToLast() => new(Name, Id, At, Epoch, [.. Shards.Select(shard => new BackupPlace(shard.Id, shard.Position))]);

    private string Sum() => CheckedDocument.SumOf(this with { Checksum = "" });
}

/// <summary>One shard at a backup point.</summary>
/// <param name="Address">Where it was.</param>
/// <param name="System">The system identifier of its server.</param>
/// <param name="Lsn">The end of the restore point in the WAL of that timeline.</param>
/// <param name="WalFile">The WAL file with the restore point: a restore needs all up to it.</param>
/// <param name="Archived">Whether that file was in the archive when the document was written; null: the server archives nothing.</param>
/// <param name="RingEpoch">Of its copy of the shard list.</param>
/// <param name="Owned">The slots that it owned.</param>
internal sealed record BackupShard(
    string Id, string Address, string System, uint Timeline, string Lsn, string WalFile, bool? Archived, long RingEpoch,
    IReadOnlyList<OwnedSlots> Owned)
{
    [JsonIgnore]
    public ShardPosition Position => new(System, Timeline, NpgsqlLogSequenceNumber.Parse(Lsn));
}

/// <param name="Slots">As people write them: <c>5,7,9-12</c>.</param>
/// <param name="Epoch">In which the shard came to own them.</param>
internal sealed record OwnedSlots(string Slots, long Epoch)
{
    public static IReadOnlyList<OwnedSlots> Of(IEnumerable<OwnershipRun> runs) =>
        [.. runs.Where(run => run.IsOwner).GroupBy(run => run.Epoch.Value).OrderBy(same => same.Key)
            .Select(same => new OwnedSlots(SlotText.Of(same.SelectMany(run => run.Slots).Order(), int.MaxValue), same.Key))];
}

/// <summary>A batch of a move that was not finished.</summary>
internal sealed record BackupBatch(Guid Operation, Guid Batch, string From, string To, string Slots, string Phase, string? Disputed)
{
    public static BackupBatch Of(SourcedBatch each) => new(
        each.Batch.OperationId, each.Batch.Id, each.Source.Id.Value, each.Batch.Target.Value,
        SlotText.Of(each.Batch.Slots.Order(), int.MaxValue),
        each.Batch.Phase.ToString().ToLowerInvariant(), each.Batch.Disputed);
}
