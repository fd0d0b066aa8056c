namespace ShardRouter.Items;

internal enum WriteKind
{
    Put,
    Delete,
    MergePatch,
    JsonPatch,
    Increment,
    Check,
}
